"""Orders in which loads may arrive."""

import itertools
from typing import Any

import pytest


def orders_of(loads: int) -> list[Any]:
    """Every order of so many loads; with the quick tests as they came, backwards, and with the first one last."""
    came = tuple(range(loads))
    quick = (came, came[::-1], (*came[1:], came[0]))
    return [
        pytest.param(order, marks=() if order in quick else pytest.mark.long)
        for order in itertools.permutations(range(loads))
    ]
