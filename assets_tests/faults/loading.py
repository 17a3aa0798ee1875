"""Takes what is new of a source as far as its tables, without Dagster and dbt: a process that a test can kill."""

import sys
from pathlib import Path

from chat_platform.lake.ingest import ingest
from chat_platform.publish import rasa, voice
from chat_platform.settings import Settings, load_settings


def fill_tables(source: str, settings: Settings) -> None:
    """Landing to lake, lake to tables."""
    ingest(settings, source)
    if source == "rasa":
        rasa.publish(settings, "run")
    else:
        voice.publish(settings, "run")


if __name__ == "__main__":
    fill_tables(sys.argv[1], load_settings({}, home=Path(sys.argv[2]), pseudonym_key=sys.argv[3]))
