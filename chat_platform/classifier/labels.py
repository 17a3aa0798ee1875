"""The closed label sets of the classifier (chat spec, section 4): nothing else appears in data or results."""

from typing import Final, Literal

Target = Literal["domain_category", "intent_type"]

UNKNOWN: Final = "Unknown"

DOMAIN_CATEGORIES: Final = ("Shopping", "Booking", "Entertainment", "Work", "Education", "Finance", UNKNOWN)
INTENT_TYPES: Final = (
    "Transactional",
    "Informational",
    "Social",
    "Entertainment",
    "Productivity",
    UNKNOWN,
)

TARGETS: Final[tuple[Target, ...]] = ("domain_category", "intent_type")
LABELS: Final[dict[Target, tuple[str, ...]]] = {
    "domain_category": DOMAIN_CATEGORIES,
    "intent_type": INTENT_TYPES,
}
