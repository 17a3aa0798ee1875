"""SQL text that lies beside the module which runs it."""

from functools import cache
from importlib import resources


@cache
def _read(package: str, name: str) -> str:
    return resources.files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def load_sql(package: str, name: str, **parts: str) -> str:
    """Text of `<package>/sql/<name>.sql` with each `{part}` replaced.

    Parts are identifiers and expressions that the platform itself makes up; values are bound, never put in here.
    Raises KeyError where the file lacks a part that is given.
    """
    text = _read(package, name)
    for key, part in parts.items():
        if f"{{{key}}}" not in text:
            raise KeyError(f"{name}.sql has no {{{key}}}")
        text = text.replace(f"{{{key}}}", part)
    return text
