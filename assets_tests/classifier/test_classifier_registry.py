"""The store of models: nothing unchecked is unpickled, nothing half-written counts."""

import hashlib
import io
import json
import os
import pickle
import signal
from pathlib import Path

import joblib
import pyarrow as pa
import pytest

from chat_platform.classifier import registry as module
from chat_platform.classifier.labels import LABELS
from chat_platform.classifier.predict import score
from chat_platform.classifier.registry import FileRegistry, ModelError
from chat_platform.classifier.train import TrainedClassifier

QUERIES = pa.array(["book a flight", "pay my rent", "hello", ""])


class Bomb:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def registry(tmp_path: Path) -> FileRegistry:
    return FileRegistry(tmp_path / "models")


def edit_card(folder: Path, **changes: object) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_stored_model_scores_as_before(registry: FileRegistry, model: TrainedClassifier) -> None:
    assert not registry.exists(model.version)
    folder = registry.save(model)
    assert registry.exists(model.version)
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.joblib"]
    loaded = registry.load(model.version)
    assert score(QUERIES, loaded).equals(score(QUERIES, model))


def test_the_card_tells_what_the_model_is(registry: FileRegistry, model: TrainedClassifier, tmp_path: Path) -> None:
    folder = registry.save(model)
    card = registry.card(model.version)
    assert card["version"] == model.version
    assert card["training_sha256"] == model.training_sha256
    assert card["model_sha256"] == hashlib.sha256((folder / "model.joblib").read_bytes()).hexdigest()
    assert card["labels"] == {target: list(labels) for target, labels in LABELS.items()}
    assert set(card["thresholds"]) == set(LABELS)
    assert card["metrics"]["domain_category_accuracy"] > 0.5
    again = FileRegistry(tmp_path / "elsewhere").save(model)
    assert (again / "card.json").read_bytes() == (folder / "card.json").read_bytes()


def test_saving_again_leaves_the_stored_version(registry: FileRegistry, model: TrainedClassifier) -> None:
    path = registry.save(model) / "model.joblib"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    registry.save(model)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_changed_bytes_are_not_unpickled(registry: FileRegistry, model: TrainedClassifier, tmp_path: Path) -> None:
    folder = registry.save(model)
    trace = tmp_path / "unpickled"
    joblib.dump(Bomb(trace), folder / "model.joblib")
    with pytest.raises(ModelError, match="not those of its card; train again"):
        registry.load(model.version)
    assert not trace.exists()
    assert not registry.exists(model.version)
    pickle.load(io.BytesIO(pickle.dumps(Bomb(trace))))
    assert trace.exists(), "the trap itself must work"
    registry.save(model)
    assert registry.load(model.version).version == model.version


def test_one_flipped_bit_is_noticed(registry: FileRegistry, model: TrainedClassifier) -> None:
    path = registry.save(model) / "model.joblib"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not those of its card"):
        registry.load(model.version)


def test_a_file_without_its_card_is_not_unpickled(
    registry: FileRegistry, model: TrainedClassifier, tmp_path: Path
) -> None:
    folder = registry.save(model)
    trace = tmp_path / "unpickled"
    joblib.dump(Bomb(trace), folder / "model.joblib")
    (folder / "card.json").write_text("{")
    with pytest.raises(ModelError, match=r"card of model .* is damaged"):
        registry.load(model.version)
    (folder / "card.json").unlink()
    with pytest.raises(ModelError, match="not in the store; train again"):
        registry.load(model.version)
    assert not trace.exists()


def test_another_minor_of_sklearn_is_refused_before_unpickling(
    registry: FileRegistry, model: TrainedClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = registry.save(model)
    monkeypatch.setattr(joblib, "load", lambda *_: pytest.fail("unpickled"))
    edit_card(folder, sklearn_minor="0.24")
    with pytest.raises(ModelError, match=r"scikit-learn 0\.24, installed is .*train again"):
        registry.load(model.version)
    assert not registry.exists(model.version)


def test_a_card_of_another_version_is_refused(registry: FileRegistry, model: TrainedClassifier) -> None:
    folder = registry.save(model)
    folder.rename(registry.folder / "0123456789ab")
    with pytest.raises(ModelError, match="damaged"):
        registry.load("0123456789ab")


@pytest.mark.parametrize("version", ["", "../../etc", "0123456789AB", "0123456789ab/..", "0123456789ab\n"])
def test_a_version_is_never_a_path(registry: FileRegistry, version: str) -> None:
    with pytest.raises(ModelError, match="12 hexadecimal digits"):
        registry.load(version)


def test_a_killed_save_leaves_nothing_that_counts(registry: FileRegistry, model: TrainedClassifier) -> None:
    child = os.fork()
    if child == 0:
        written = module._write

        def die_at_the_card(path: Path, content: bytes) -> None:
            if path.name == "card.json":
                os.kill(os.getpid(), signal.SIGKILL)
            written(path, content)

        module._write = die_at_the_card
        registry.save(model)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert not registry.exists(model.version)
    assert list(registry.folder.glob(".saving-*")), "the child must have died while saving"
    registry.save(model)
    assert registry.load(model.version).version == model.version
    assert not list(registry.folder.glob(".saving-*"))


def test_current_points_to_a_loadable_version_only(registry: FileRegistry, model: TrainedClassifier) -> None:
    assert registry.current() is None
    with pytest.raises(ModelError, match="not in the store"):
        registry.set_current(model.version)
    registry.save(model)
    registry.set_current(model.version)
    assert registry.current() == model.version
    with pytest.raises(ModelError, match="not in the store"):
        registry.set_current("0123456789ab")
    assert registry.current() == model.version
