"""Persons as they are named from outside, and how to recognise them in ids and in text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from chat_platform.errors import ChatPlatformError

# What stands between the digits of a phone number as people and addresses write it.
_BETWEEN = r"(?:[ ().\-_/\x{A0}\x{2010}-\x{2014}]|%20|%28|%29|%2D){0,4}"
_PHONE = re.compile(r"\+?[0-9(][0-9 ().\-/]{6,22}[0-9]")
# A shorter id that is neither address nor number stands in too many texts that are about something else.
_SHORT = 6


def national_digits(text: str) -> str:
    """Digits of a phone number without the country code of Brazil (voice spec, section 1.4, rule 16)."""
    digits = re.sub("[^0-9]", "", text)
    return digits[2:] if digits.startswith("55") and len(digits) in (12, 13) else digits


@dataclass(frozen=True)
class Person:
    """Somebody as given: a phone number, an e-mail address or the id of a user. Nothing prints it."""

    given: str = field(repr=False)

    @property
    def is_phone(self) -> bool:
        """True where the id is written like a phone number."""
        return _PHONE.fullmatch(self.given) is not None

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """The ways in which a source may have named this person as a whole id."""
        if not self.is_phone:
            return (self.given,)
        digits = re.sub("[^0-9]", "", self.given)
        national = national_digits(self.given)
        found = (self.given, digits, "+" + digits, national, "55" + national, "+55" + national)
        return tuple(dict.fromkeys(found))

    @cached_property
    def pattern(self) -> str:
        """Expression (RE2) that finds the person in a text."""
        if self.is_phone:
            return rf"(?:\+?55{_BETWEEN})?\(?" + _BETWEEN.join(national_digits(self.given))
        if "@" in self.given:
            return "(?i)" + re.escape(self.given).replace("@", "(?:@|%40)")
        if len(self.given) < _SHORT:
            return rf'(?:user_id|sender_id)\\*"\s*:\s*\\*"?{re.escape(self.given)}\b'
        ends = [r"\b" if re.fullmatch(r"\w", end, re.ASCII) else "" for end in (self.given[0], self.given[-1])]
        return ends[0] + re.escape(self.given) + ends[1]

    def pattern_of_number(self, keys: Iterable[str]) -> str | None:
        """Expression (RE2) that finds the person as a number under one of the keys (in snake case) of JSON; None where
        the id is no number.
        """
        numbers = "|".join(spelling for spelling in self.spellings if re.fullmatch("[1-9][0-9]*", spelling))
        names = "|".join('[^a-z0-9"]*'.join(map(re.escape, key.split("_"))) for key in sorted(keys))
        return rf'(?i:"(?:{names})")\s*:\s*(?:{numbers})(?:\.0)?\s*[,}}\]]' if numbers else None

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The same for Python."""
        return re.compile(re.sub(r"\\x\{([0-9A-F]+)\}", lambda code: chr(int(code[1], 16)), self.pattern))

    @property
    def masked(self) -> str:
        """What stands in a published text in the place of this person."""
        return "[number]" if self.is_phone else "[email]" if "@" in self.given else "[forgotten]"


def person(given: str) -> Person:
    """A person as typed in. Raises ChatPlatformError where nothing was given."""
    given = given.strip()
    if not given:
        raise ChatPlatformError("Nobody was named: give the phone number, e-mail address or id of one person.")
    if re.search(r"\s\S*@|[\r\n]", given):
        raise ChatPlatformError("Name one person at a time.")
    return Person(given)
