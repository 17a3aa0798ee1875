"""Parts that many messages of the chat sample feed share."""

from __future__ import annotations

import gzip
import random
import re
from typing import Any

import orjson

from chat_platform.sample import chat_text as text

Json = dict[str, Any]


class _Phrases:
    """Templates with slots, compiled to a format and its pools."""

    def __init__(self, templates: tuple[str, ...], rnd: random.Random) -> None:
        self._random = rnd.random
        self._compiled = [
            (
                re.sub(r"\{\w+\}", "%s", template),
                tuple(text.SLOTS[s] for s in re.findall(r"\{(\w+)\}", template)),
            )
            for template in templates
        ]

    def pick(self) -> str:
        """Return one sentence."""
        r = self._random
        form, pools = self._compiled[int(r() * len(self._compiled))]
        return form % tuple([pool[int(r() * len(pool))] for pool in pools])


class Pools:
    """Parts that many messages share, built once per feed; large ones already as JSON."""

    def __init__(self, rnd: random.Random, users: int, seed: int) -> None:
        self.domains = tuple(text.QUERIES)
        self.queries = {d: _Phrases(templates, rnd) for d, templates in text.QUERIES.items()}
        self.tasks = {d: _Phrases(templates, rnd) for d, templates in text.TASKS.items()}
        self.private = {
            kind: [(domain, _Phrases((template.replace("%s", "%%s"),), rnd)) for domain, template in templates]
            for kind, templates in text.PRIVATE_QUERIES.items()
        }
        self.values = {
            "email": [f"{a}.{b}@{rnd.choice(text.MAIL_HOSTS)}" for a in text.FIRST_NAMES for b in text.LAST_NAMES],
            "phone": [form.format(k) for form in text.PHONE_FORMATS for k in range(0, 100, 7)],
        }
        self.tokens = [f"sk-smp-{rnd.getrandbits(128):032x}" for _ in range(64)]
        self.cookies = [f"sid={rnd.getrandbits(96):024x}" for _ in range(64)]
        self.users = [
            (
                f"usr-{seed & 0xFFFF:04x}{rnd.getrandbits(32):08x}{n:06x}",
                f"vis-{rnd.getrandbits(64):016x}",
                rnd.choice(text.TIMEZONES),
            )
            for n in range(users)
        ]
        self.results = {d: [self._results(rnd, d, size) for size in _result_sizes(rnd)] for d in self.domains}
        self.answers = [
            orjson.Fragment(orjson.dumps("\n\n".join(rnd.choices(text.ANSWERS, k=rnd.randint(2, 12)))))
            for _ in range(300)
        ]
        self.thoughts = [orjson.Fragment(orjson.dumps({"thought": thought})) for thought in text.THOUGHTS]
        self.histories = [orjson.Fragment(orjson.dumps(self._history(rnd))) for _ in range(60)]
        self.screenshots = [
            orjson.Fragment(orjson.dumps(_base64_like(rnd, rnd.randint(50_000, 200_000)))) for _ in range(6)
        ]
        self.gzip_texts = [
            gzip.compress(orjson.dumps({"id": n, "text": rnd.choice(text.ANSWERS)}), mtime=0).decode("utf-8", "replace")
            for n in range(20)
        ]

    @staticmethod
    def _results(rnd: random.Random, domain: str, size: int) -> tuple[int, orjson.Fragment]:
        results = [
            {
                "title": f"{rnd.choice(text.SLOTS['topic']).capitalize()}, part {n}",
                "url": f"https://www.{rnd.choice(text.SITES[domain])}/r/{rnd.getrandbits(24):06x}",
                "date": f"2025-{rnd.randint(1, 12):02d}-{rnd.randint(1, 28):02d}",
                "snippet": rnd.choice(text.SNIPPETS),
                "source": "web",
            }
            for n in range(size)
        ]
        return size, orjson.Fragment(orjson.dumps(results))

    @staticmethod
    def _history(rnd: random.Random) -> list[Json]:
        return [
            {
                "visit_count": rnd.randint(1, 9),
                "last_visit_ts": 1_767_000_000_000 + rnd.randint(0, 10**8) + 0.5,
                "title": f"A page about {rnd.choice(text.SLOTS['topic'])}",
                "url": f"https://{rnd.choice(text.SITES[rnd.choice(tuple(text.SITES))])}/",
            }
            for _ in range(rnd.randint(1, 3))
        ]


def _result_sizes(rnd: random.Random) -> list[int]:
    """Sizes of result lists: the first 40 are for search steps (3 to 20, median 17), then two long ones."""
    return [min(20, max(3, round(rnd.triangular(3, 23, 19)))) for _ in range(40)] + [
        rnd.randint(21, 106),
        106,
    ]


def _base64_like(rnd: random.Random, size: int) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(rnd.choices(alphabet, k=size))
