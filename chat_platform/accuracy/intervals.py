"""The Wilson interval at 95 %, and the size of a sample that makes it as narrow as wanted."""

from bisect import bisect_left

from chat_platform.errors import ChatPlatformError

CONFIDENCE = 0.95
MAX_SIZE = 1_000_000


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Bounds of a share of `hits` in `n` > 0."""
    # Takes a second to load, and most processes have nothing to judge.
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def size_for(half_width: float, expected: float = 0.5) -> int:
    """The smallest sample whose interval reaches `half_width` to each side where a share of `expected` is found.

    0.5 is the worst case. Raises ChatPlatformError for shares outside (0, 1) and for intervals that no sample of a
    million reaches.
    """
    for name, value in (("half-width", half_width), ("expected accuracy", expected)):
        if not 0 < value < 1:
            raise ChatPlatformError(f"The {name} is a share between 0 and 1, for example 0.05; got {value}.")

    def is_enough(n: int) -> bool:
        low, high = wilson(round(expected * n), n)
        return high - low <= 2 * half_width

    size = 1 + bisect_left(range(1, MAX_SIZE + 1), True, key=is_enough)
    if size > MAX_SIZE:
        raise ChatPlatformError(f"A half-width of {half_width} takes more than a million labels; 0.05 is usual.")
    return size
