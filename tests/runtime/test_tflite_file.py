"""The reader of `.tflite` files trusts nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.runtime import ModelFileError
from tfpipeline.runtime.model_card import CARD_METADATA, read_card
from tfpipeline.runtime.tflite_file import TFLiteFile


def _model() -> bytes:
    model = ModelBuilder("test")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 2), np.float32)
    y = graph.tensor("y", (1, 2), np.float32)
    graph.custom("tfpipeline.gru", [x], [y], b"")
    graph.custom("other.op", [x], [y], b"")
    graph.finish([x], [y])
    model.metadata("other", b"x")
    model.metadata(CARD_METADATA, b'{"labels": 1, "a": 2}')
    return model.to_bytes()


MODEL = _model()


def _file(tmp_path, data: bytes) -> TFLiteFile:
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    return TFLiteFile(path)


def test_reads_metadata_and_custom_ops(tmp_path) -> None:
    file = _file(tmp_path, MODEL)
    assert file.metadata(CARD_METADATA) == b'{"labels": 1, "a": 2}'
    assert file.metadata("other") == b"x"
    assert file.metadata("missing") is None
    assert file.custom_ops() == ("tfpipeline.gru", "other.op")


def test_a_missing_file_is_one_sentence(tmp_path) -> None:
    with pytest.raises(ModelFileError, match="none.tflite does not exist"):
        TFLiteFile(tmp_path / "none.tflite")


def test_a_folder_is_one_sentence(tmp_path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read: Is a directory"):
        TFLiteFile(tmp_path)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"RIFF    WAVE"])
def test_other_files_are_named(tmp_path, data: bytes) -> None:
    with pytest.raises(ModelFileError, match="is not a .tflite file"):
        _file(tmp_path, data)


def test_a_card_without_its_keys_is_named(tmp_path) -> None:
    with pytest.raises(ModelFileError, match="model card without .*'form'"):
        read_card(_file(tmp_path, MODEL))


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_an_error_and_never_a_crash(tmp_path, data: st.DataObject) -> None:
    damaged = bytearray(MODEL[: data.draw(st.integers(0, len(MODEL)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            place = data.draw(st.integers(0, len(damaged) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
    try:
        file = _file(tmp_path, bytes(damaged))
        file.custom_ops()
        file.metadata(CARD_METADATA)
    except ModelFileError:
        pass
