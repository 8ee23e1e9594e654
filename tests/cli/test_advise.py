"""`tfpipeline advise`."""

from __future__ import annotations

import json
import sys

import pytest

from tfpipeline.cli.main import main
from tfpipeline.recipes.embedding_advice import EmbeddingAdvice, advise_embedding

TABLE = ["advise", "--vocabulary", "1000", "--dimension", "100", "--reduction", "0.8"]


def test_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TABLE, "--bits", "4", "--no-timing"]) == 0
    said = capsys.readouterr().out
    assert "rank 18 of 100" in said
    assert "400,000 bytes in float32, 50,000 in 4 bits, 79,200 of low rank, 9,900 of" in said
    assert "low rank in float32 is not smaller than 4 bits" in said and "(15)" not in said
    assert main([*TABLE, "--no-timing", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rank"] == 18 and found["microseconds"] == {}
    assert found["smaller_than_quantized"] and found["faster_than_quantized"] is None
    assert found["operations_looked_up"] == [0, 35 * 100]


def test_a_measured_ratio_decides() -> None:
    sizes = advise_embedding(1000, 100, 0.8, 8, measure=False).sizes
    slower = EmbeddingAdvice(sizes, {"float32": 10.0, "8 bits": 5.0})
    assert slower.time_ratio == 0.5 and "low rank is faster than 8 bits" in str(slower)
    quicker = EmbeddingAdvice(sizes, {"float32": 10.0, "8 bits": 1.0})
    assert "low rank is not faster than 8 bits" in str(quicker)
    assert quicker.to_dict()["faster_than_quantized"] is False


def test_bits_that_no_kernel_has_are_not_timed() -> None:
    advice = advise_embedding(300, 40, 0.5, 16)
    assert advice.microseconds == {} and "products in 16 bits cannot be timed" in str(advice)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_products_are_timed(bits: int) -> None:
    advice = advise_embedding(300, 40, 0.5, bits)
    assert list(advice.microseconds) == ["float32", f"{bits} bits"]
    assert all(us > 0 for us in advice.microseconds.values())


def test_an_impossible_reduction_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--vocabulary", "10", "--dimension", "3", "--reduction", "0.9"]
    assert main(["advise", *options]) == 1
    assert "error: reduction must be at most 0.5667" in capsys.readouterr().err
    assert main(["advise", "--vocabulary", "5", "--dimension", "1", "--reduction", "0"]) == 1
    assert "error: a table of 5 x 1 has no factors that are smaller" in capsys.readouterr().err


def test_a_missing_package_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tfpipeline.export.flatbuffer.one_product", None)
    assert main(TABLE) == 1
    assert "count only, with --no-timing" in capsys.readouterr().err
    assert main([*TABLE, "--no-timing"]) == 0
