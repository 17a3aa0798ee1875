"""Scoring: distinct queries in, labels and confidences out, as Arrow."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.classifier.train import TEXT_LIMIT, TrainedClassifier, decide

BATCH_SIZE: Final = 8_192

SCHEMA: Final = pa.schema(
    [
        pa.field("user_query", pa.string(), nullable=False),
        pa.field("domain_category", pa.string(), nullable=False),
        pa.field("domain_confidence", pa.decimal128(5, 4), nullable=False),
        pa.field("intent_type", pa.string(), nullable=False),
        pa.field("intent_confidence", pa.decimal128(5, 4), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
    ]
)


def score(queries: pa.Array | pa.ChunkedArray, model: TrainedClassifier, batch_size: int = BATCH_SIZE) -> pa.Table:
    """Label queries: one row per query given, in the same order, columns as in SCHEMA.

    In: queries as strings without nulls (distinct ones, to save time). The result for a query depends on
    nothing but the query and the model. Only the first TEXT_LIMIT characters are read; `user_query` comes
    back whole. Confidence: probability of the best label, 0 to 1; where that is below the model's threshold
    the label given is Unknown.
    Raises ValueError where a query is null.
    """
    if queries.null_count:
        raise ValueError(f"{queries.null_count} queries are null; leave them out before scoring.")
    chunked = queries if isinstance(queries, pa.ChunkedArray) else pa.chunked_array([queries])
    batches = [
        batch
        for start in range(0, len(chunked), batch_size)
        for batch in _score_batch(chunked.slice(start, batch_size), model).to_batches()
    ]
    return pa.Table.from_batches(batches, schema=SCHEMA)


def _score_batch(queries: pa.ChunkedArray, model: TrainedClassifier) -> pa.Table:
    texts = pc.utf8_slice_codeunits(queries, start=0, stop=TEXT_LIMIT).to_pylist()
    matrix = model.features.transform(texts)
    columns: list[pa.Array | pa.ChunkedArray] = [queries.cast(pa.string())]
    for target in ("domain_category", "intent_type"):
        labels, confidence = decide(
            model.probabilities(target, matrix),
            model.models[target].classes_.tolist(),
            model.chosen[target].threshold,
        )
        columns += [
            pa.array(labels.tolist(), pa.string()),
            pa.array(np.asarray(confidence)).cast(pa.decimal128(5, 4)),
        ]
    columns.append(pa.repeat(pa.scalar(model.version, pa.string()), len(queries)))
    return pa.table(columns, schema=SCHEMA)
