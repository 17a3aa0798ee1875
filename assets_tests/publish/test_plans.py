"""What the statements that fill tables cost: the rows, and not each row with each other."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from homes import each_with_each
from lake.chat_builder import fake_scorer

from chat_platform.assets.steps import prepare_sites
from chat_platform.lake.ingest import ingest
from chat_platform.publish import chat, rasa, voice
from chat_platform.sample.chat import generate
from chat_platform.sample.rasa import generate_rasa
from chat_platform.sample.voice import generate_voice
from chat_platform.settings import Settings
from chat_platform.warehouse.connection import Warehouse


def test_no_statement_compares_each_row_with_each(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(sources="chat,rasa,voice")
    seen: list[str] = []
    found: list[str] = []
    real = Warehouse.execute

    def looked_at(self: Warehouse, sql: str, *values: Any) -> Any:
        if re.search(r"\bjoin\b", sql) and not sql.lstrip().startswith("call") and not values:
            seen.append(sql)
            found.extend(each_with_each(self.connection, {sql: sql}))
        return real(self, sql, *values)

    monkeypatch.setattr(Warehouse, "execute", looked_at)
    prepare_sites(settings)
    # The first load finds nothing in the tables, the second one what it touches.
    for seed in (1, 2):
        generate(settings.landing / "chat" / str(seed), messages=200, seed=seed)
        generate_rasa(settings.landing / "rasa" / str(seed), events=300, seed=seed)
        generate_voice(settings.landing / "voice" / str(seed), events=300, seed=seed)
        for source in settings.sources:
            ingest(settings, source)
        chat.publish(settings, fake_scorer, "run")
        rasa.publish(settings, "run")
        voice.publish(settings, "run")
    assert len(seen) > 10
    assert found == []
