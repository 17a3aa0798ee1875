"""The store of trained models: a folder of immutable versions and a pointer to the current one.

    <folder>/<version>/model.joblib   the pickled TrainedClassifier
    <folder>/<version>/card.json      what it is, how good it is, and the sha256 of model.joblib
    <folder>/current                  the version in use

Unpickling runs code, so only a file whose bytes are those named by its card is opened, and only under the
minor version of scikit-learn that wrote it. A version appears by one rename: a killed save leaves nothing
that counts. Scikit-learn is loaded with the first model: most processes need none, and it takes a second.
"""

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

from chat_platform.classifier.labels import LABELS
from chat_platform.classifier.version import code_sha256, sklearn_minor

if TYPE_CHECKING:
    from chat_platform.classifier.train import TrainedClassifier

_MODEL: Final = "model.joblib"
_CARD: Final = "card.json"
_CURRENT: Final = "current"
_VERSION: Final = re.compile(r"[0-9a-f]{12}")
_LIMITS: Final = (
    "Learns from short English queries written for this project, with a few in Portuguese and Spanish. The "
    "measures are cross-validated on those queries; on queries of another product they differ: measure on "
    "your own labels."
)


class ModelError(RuntimeError):
    """A stored model is missing, damaged or of another scikit-learn; the message says what to do."""


class FileRegistry:
    """Models in a local folder. Several processes may save and load at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, model: "TrainedClassifier") -> Path:
        """Store a model with its card under its version; returns the version's folder.

        A version that is already stored whole is left as it is; a damaged one is replaced.
        """
        import joblib

        target = self._path(model.version)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            # Whoever holds the lock is the only writer, so these are remains of killed ones.
            for remains in self.folder.glob(".saving-*"):
                shutil.rmtree(remains) if remains.is_dir() else remains.unlink()
            if self.exists(model.version):
                return target
            draft = Path(tempfile.mkdtemp(prefix=".saving-", dir=self.folder))
            buffer = io.BytesIO()
            joblib.dump(model, buffer, compress=3)
            content = buffer.getvalue()
            _write(draft / _MODEL, content)
            card = json.dumps(_card(model, content), indent=2, sort_keys=True) + "\n"
            _write(draft / _CARD, card.encode())
            draft.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            draft.rename(target)
            _sync(self.folder)
        return target

    def exists(self, version: str) -> bool:
        """True if the version is stored whole and can be loaded here: no need to train it again."""
        try:
            self._checked_content(version)
        except ModelError:
            return False
        return True

    def card(self, version: str) -> dict[str, Any]:
        """The model card of a version. Raises ModelError where there is none."""
        path = self._path(version) / _CARD
        try:
            card = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise ModelError(f"Model {version} is not in the store; train again.") from None
        except ValueError:
            card = None
        if not isinstance(card, dict) or card.get("version") != version:
            raise ModelError(f"The card of model {version} is damaged; remove its folder and train again.")
        return card

    def load(self, version: str) -> "TrainedClassifier":
        """Unpickle a version after checking it against its card.

        Raises ModelError where the version is missing, its bytes are not those of the card, or scikit-learn
        has another minor version than at training.
        """
        import joblib

        from chat_platform.classifier.train import TrainedClassifier

        model = joblib.load(io.BytesIO(self._checked_content(version)))
        if not isinstance(model, TrainedClassifier) or model.version != version:
            raise ModelError(f"The file of model {version} holds something else; train again.")
        return model

    def set_current(self, version: str) -> None:
        """Point to a stored version, in one step. Raises ModelError where it cannot be loaded."""
        self._checked_content(version)
        with FileLock(self.folder / ".lock"):
            draft = self.folder / f".saving-{_CURRENT}"
            _write(draft, f"{version}\n".encode())
            draft.replace(self.folder / _CURRENT)
            _sync(self.folder)

    def current(self) -> str | None:
        """The version in use; null before the first one is set."""
        try:
            return (self.folder / _CURRENT).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None

    def _path(self, version: str) -> Path:
        if not _VERSION.fullmatch(version):
            raise ModelError("A model version has 12 hexadecimal digits.")
        return self.folder / version

    def _checked_content(self, version: str) -> bytes:
        card = self.card(version)
        if card.get("sklearn_minor") != sklearn_minor():
            raise ModelError(
                f"Model {version} was trained with scikit-learn {card.get('sklearn_minor')}, "
                f"installed is {sklearn_minor()}; train again."
            )
        try:
            content = (self._path(version) / _MODEL).read_bytes()
        except FileNotFoundError:
            raise ModelError(f"Model {version} has a card but no {_MODEL}; train again.") from None
        if hashlib.sha256(content).hexdigest() != card.get("model_sha256"):
            raise ModelError(f"The bytes of model {version} are not those of its card; train again.")
        return content


def _card(model: "TrainedClassifier", content: bytes) -> dict[str, Any]:
    import sklearn

    from chat_platform.classifier.evaluate import evaluate
    from chat_platform.classifier.train import C_GRID, FOLDS, TARGET_PRECISION, TEXT_LIMIT

    # No clock: the same model gives the same card.
    return {
        "version": model.version,
        "training_sha256": model.training_sha256,
        "training_rows": model.training_rows,
        "code_sha256": code_sha256(),
        "sklearn_version": str(sklearn.__version__),
        "sklearn_minor": sklearn_minor(),
        "parameters": {
            "seed": model.seed,
            "folds": FOLDS,
            "c_grid": list(C_GRID),
            "target_precision": TARGET_PRECISION,
            "text_limit": TEXT_LIMIT,
        },
        "labels": {target: list(labels) for target, labels in LABELS.items()},
        "thresholds": {target: chosen.threshold for target, chosen in model.chosen.items()},
        "metrics": evaluate(model),
        "limits": _LIMITS,
        "model_sha256": hashlib.sha256(content).hexdigest(),
    }


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    # A rename is on disk only when its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
