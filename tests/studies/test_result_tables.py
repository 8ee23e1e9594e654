"""The numbers of the pages on few bits and on embeddings are those of the tables beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfpipeline.studies.common.rows import Row, read_csv

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
# "74.8 (73.3 to 76.9)": mean and range of the seeds.
_SPREAD = re.compile(r"(\d+\.\d+) \((\d+\.\d+) to (\d+\.\d+)\)")


def settings(table: str, keys: tuple[str, ...]) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in read_csv(RESULTS / f"{table}.csv"):
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def written(page: str) -> list[tuple[float, ...]]:
    text = (RESULTS / page).read_text(encoding="utf-8").replace("*", "")
    return [tuple(map(float, match.groups())) for match in _SPREAD.finditer(text)]


def spread(rows: list[Row], column: str, factor: float) -> tuple[float, float, float]:
    values = [factor * float(row[column]) for row in rows]
    return sum(values) / len(values), min(values), max(values)


def missing(
    page: str, table: str, keys: tuple[str, ...], column: str, factor: float, last: float
) -> Iterator[tuple[str, ...]]:
    """The settings whose mean and range the page does not have."""
    said = written(page)
    for setting, rows in settings(table, keys).items():
        assert len(rows) == 3, setting
        found = spread(rows, column, factor)
        # Half of the last digit, because the table's own digits may end on a five.
        if not any(all(abs(a - b) < last for a, b in zip(found, s, strict=True)) for s in said):
            yield setting


def test_every_cell_of_the_grid() -> None:
    keys = ("order", "quantizer", "normalization", "normalize_cell")
    assert list(missing("low_bit.md", "low_bit_grid", keys, "test", 100.0, 0.0501)) == []


def test_bits_per_character() -> None:
    keys = ("model", "quantizer", "normalization")
    left_out = list(missing("low_bit.md", "low_bit_text", keys, "test", 1.0, 0.00101))
    assert {model for model, *_ in left_out} == {"2 x lstm"}


def test_perplexities_of_words() -> None:
    keys = ("model", "quantizer", "normalization")
    assert list(missing("low_bit.md", "low_bit_words", keys, "test", 1.0, 0.0601)) == []


def test_gru_at_equal_bytes() -> None:
    # What validation did not choose has no file.
    rows = [row for row in read_csv(RESULTS / "ternary_or_int8.csv") if row["test_file"]]
    groups = [rows[i : i + 3] for i in range(0, len(rows), 3)]
    assert len(groups) == 10
    said = written("low_bit.md")
    for group in groups:
        assert [int(row["seed"]) for row in group] == [0, 1, 2]
        found = spread(group, "test_file", 100.0)
        assert any(
            all(abs(a - b) < 0.0501 for a, b in zip(found, one, strict=True)) for one in said
        ), group


def test_errors_of_recognizers() -> None:
    keys = ("quantizer", "normalization")
    assert list(missing("low_bit.md", "low_bit_speech", keys, "cer_test", 100.0, 0.0501)) == []


@pytest.mark.parametrize(
    ("cell", "name"),
    [("lstm", "LSTM"), ("gru", "GRU"), ("fast_rnn", "FastRNN"), ("fast_grnn", "FastGRNN")],
)
def test_growth_of_gradients(cell: str, name: str) -> None:
    page = (RESULTS / "low_bit.md").read_text(encoding="utf-8")
    table = page.split(f"| {name}, before training |")[1].split("\n")[:3]
    rows = settings("gradient_norms", ("cell", "normalization", "quantizer"))
    columns = [
        (kind, quantizer)
        for kind in ("none", "weight")
        for quantizer in ("none", "BinaryConnect", "TerConnect")
    ]
    for line, column, factor, last in zip(
        table,
        ("growth_first", "growth_last", "test"),
        (1.0, 1.0, 100.0),
        (0.00101, 0.00101, 0.0601),
        strict=True,
    ):
        said = [float(text) for text in re.findall(r"\d+\.\d+", line)]
        found = [spread(rows[cell, kind, q], column, factor)[0] for kind, q in columns]
        assert said == pytest.approx(found, abs=last), (cell, column)


def test_shared_statistics() -> None:
    page = (RESULTS / "low_bit.md").read_text(encoding="utf-8")
    rows = settings("shared_batch_norm", ("pixels", "gain", "quantizer", "normalization"))
    for pixels, gain in dict.fromkeys(key[:2] for key in rows):
        means = [
            spread(rows[pixels, gain, quantizer, kind], "test", 100.0)[0]
            for quantizer in ("none", "TerConnect")
            for kind in ("batch_shared", "batch_separate")
        ]
        (line,) = re.findall(rf"^\| {pixels} \| {gain} \| (.*) \|$", page, re.MULTILINE)
        assert [float(text) for text in line.split(" | ")] == pytest.approx(means, abs=0.0601)


def test_accuracy_of_smaller_tables() -> None:
    keys = ("model", "form", "scope", "bits")
    left_out = missing("embeddings.md", "embedding_compression", keys, "test", 100.0, 0.0501)
    assert [setting for setting in left_out if setting[2:] == ("all", "32")] == []


def test_learning_rates() -> None:
    keys = ("model", "schedule")
    assert list(missing("embeddings.md", "lr", keys, "validation", 100.0, 0.0501)) == []
