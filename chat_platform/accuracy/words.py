"""Word errors of a transcript against what was said (voice spec, section 2, row STT accuracy)."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer

# Lower case and without punctuation; accents stay.
_WORDS = jiwer.Compose(
    [
        jiwer.ToLowerCase(),
        jiwer.RemovePunctuation(),  # type: ignore[no-untyped-call]
        jiwer.RemoveWhiteSpace(replace_by_space=True),
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
        jiwer.ReduceToListOfListOfWords(),
    ]
)


@dataclass(frozen=True)
class WordErrors:
    """Of one utterance: words said, and what it takes to turn them into the transcript."""

    reference_words: int
    substitutions: int
    deletions: int
    insertions: int


def count_errors(references: Sequence[str], hypotheses: Sequence[str]) -> list[WordErrors]:
    """Word errors of each pair. Sums over them give the rate of the corpus, which no mean of rates does."""
    if not references:
        return []
    # One letter with its accent, however it was typed.
    said, heard = ([unicodedata.normalize("NFC", text) for text in side] for side in (references, hypotheses))
    counted = jiwer.process_words(said, heard, reference_transform=_WORDS, hypothesis_transform=_WORDS)
    found = []
    for words, chunks in zip(counted.references, counted.alignments, strict=True):
        lengths = {"substitute": 0, "delete": 0, "insert": 0, "equal": 0}
        for chunk in chunks:
            lengths[chunk.type] += max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        found.append(WordErrors(len(words), lengths["substitute"], lengths["delete"], lengths["insert"]))
    return found
