"""What people judge about the phone robot."""

from enum import StrEnum


class Judgements(StrEnum):
    """What a file of judgements holds."""

    LABELS = "labels"
    TRANSCRIPTS = "transcripts"
    PROMPTS = "prompts"
