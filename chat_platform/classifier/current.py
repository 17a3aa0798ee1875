"""The classifier in use: trained when its data, code or scikit-learn changed, else taken from the registry."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from chat_platform.classifier.registry import FileRegistry
from chat_platform.classifier.training_set import training_set
from chat_platform.classifier.version import model_version

if TYPE_CHECKING:
    from chat_platform.classifier.train import TrainedClassifier


def ensure_current(folder: Path, domain_classifications: pa.Table) -> dict[str, Any]:
    """Make the model for these rows the current one, training it if need be; its card (metrics, versions)."""
    registry = FileRegistry(folder)
    rows = training_set(domain_classifications)
    version = model_version(rows)
    if not registry.exists(version):
        from chat_platform.classifier.train import train

        registry.save(train(rows))
    registry.set_current(version)
    return registry.card(version)


def load_current(folder: Path) -> "TrainedClassifier":
    """The current model, checked against its card. Raises ModelError where there is none or it was changed."""
    registry = FileRegistry(folder)
    return registry.load(registry.current() or "")
