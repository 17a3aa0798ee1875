"""Tests deliver little text: here it takes the way of much text all the same."""

from collections.abc import Iterator

import pytest

from chat_platform.lake import ingest


@pytest.fixture(autouse=True, scope="package")
def plain_lines_of_small_loads() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "PLAIN_BYTES", 0)
        yield
