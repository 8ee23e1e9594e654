"""`load_model`: why a file cannot be loaded, in one sentence."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from tfpipeline.loading import ModelLoadError, load_model


def test_a_class_of_the_users_own_is_named(tmp_path: Path) -> None:
    class Unheard(keras.layers.Layer):
        pass

    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), Unheard()]).save(path)
    with pytest.raises(ModelLoadError, match="holds the class 'Unheard', .* load it in Python"):
        load_model(path)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"PK")
    with pytest.raises(ModelLoadError, match="is cut short or damaged .File is not a zip file"):
        load_model(path)
