"""One small model, exported once for all tests that need one."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from small_model import FEATURES, LABELS, Exported, clear, settle, walk


# Before pytest chooses by marker.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: one that starts last would keep a single process busy."""
    for item in items:
        # Who asks first for the exported model waits half a minute for it.
        waits = "exported" in getattr(item, "fixturenames", ())
        if item.get_closest_marker("long") is not None or waits:
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


# No test is timed: a machine that other work shares takes as long as it takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Leaves what is imported by now out of collections of garbage.

    TensorFlow and Keras are half a million objects that stay: walking through them again and again
    took a twelfth of the time of tests that train.
    """
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument, not by what they hold.

    Compressed bytes hold the second in which they were made: two processes that share the tests
    would find different names and refuse to begin.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def model() -> Any:
    """Factored, stock and dense layers; a sequence between the recurrent layers."""
    import keras

    from tfpipeline.layers import FactoredGRU

    model = keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            FactoredGRU(24, rank=8, return_sequences=True, name="first"),
            keras.layers.GRU(17, name="second"),
            keras.layers.Dense(9, activation="relu"),
            keras.layers.Dense(len(LABELS)),
        ]
    )
    return settle(model, seed=3)


@pytest.fixture(scope="session")
def exported(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The small model in all four forms."""
    from tfpipeline.export import export
    from tfpipeline.features import LogMel

    path = tmp_path_factory.mktemp("export") / "kws.tflite"
    held_out = clear(model, walk(48, seed=1), 12)
    report = export(
        model,
        path,
        calibration=walk(40),
        verification=held_out,
        streaming="both",
        labels=LABELS,
        frontend=LogMel().to_config(),
    )
    return Exported(model, report, held_out)


@pytest.fixture()
def target(tmp_path: Path) -> Path:
    return tmp_path / "model.tflite"
