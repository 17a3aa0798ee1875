"""Orders in which loads may arrive."""

import itertools
from typing import Any

import pytest


def orders_of(loads: int) -> list[Any]:
    """Every order of so many loads; with the quick tests those in which each comes first, in between and last once."""
    rotated = [tuple((first + place) % loads for place in range(loads)) for first in range(loads)]
    return [
        pytest.param(order, marks=() if order in rotated else pytest.mark.long)
        for order in itertools.permutations(range(loads))
    ]
