"""Moving the warehouse to a new pseudonym key (docs/privacy.md)."""

from collections.abc import Callable

from chat_platform.forget import finish_removals, rebuild_models
from chat_platform.locks import locked
from chat_platform.publish.keys import models_are_built, move_keys
from chat_platform.settings import Settings
from chat_platform.warehouse.compaction import compact
from chat_platform.warehouse.connection import open_warehouse
from chat_platform.warehouse.snapshot import publish_snapshot


def rotate(settings: Settings, told: Callable[[str], None] = print) -> int:
    """Put everything that is published under the newest key; its version. Killed and called again, it goes on.

    Nothing that hangs on a pseudonym changes but the pseudonym. Raises SettingsError for keys that are not those of
    the warehouse.
    """
    with locked(settings.locks, "run"):
        told("Moving pseudonyms")
        with open_warehouse(settings) as warehouse:
            version = move_keys(warehouse)
        told("Building the models anew")
        rebuild_models(settings)
        with open_warehouse(settings) as warehouse:
            models_are_built(warehouse)
        finish_removals(settings, told)
        told("Writing the warehouse anew")
        compact(settings)
        publish_snapshot(settings)
    return version
