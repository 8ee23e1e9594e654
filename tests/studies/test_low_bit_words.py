"""The study of word models with few bits: rows from made-up runs, and a model that learns."""

from __future__ import annotations

import dataclasses
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from tfpipeline.studies import load_study
from tfpipeline.studies.common.rows import Row
from tfpipeline.studies.low_bit.published_words import WORDS
from tfpipeline.studies.low_bit.text.runs import RunFiles, TextModel
from tfpipeline.studies.low_bit.text.settings import WORDS_QUICK
from tfpipeline.studies.low_bit.text.word_pool import Pool

TINY = dataclasses.replace(
    WORDS_QUICK, symbols=600, tested=200, units=8, lanes=4, steps=5, epochs=2, seeds=(0, 1)
)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sentences of three words, of which each is one of two."""
    folder = tmp_path_factory.mktemp("words")
    rng = random.Random(0)
    for split in ("train", "valid", "test"):
        lines = [
            " ".join(rng.choice(pair) for pair in (("one", "two"), ("red", "blue"), ("hat", "cup")))
            for _ in range(400)
        ]
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return folder


def made_up(run: TextModel) -> Row:
    bits = 6.0 if run.quantizer is None or run.normalization else 8.0
    return {
        "run": run.name,
        **vars(run),
        "validation": bits,
        "test": bits,
        "ledger": 9,
        "seconds": 1,
    }


def test_perplexities_beside_the_published(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def rows(pool: Pool, runs: list[TextModel], label: str) -> list[Row]:
        asked.extend(runs)
        return [made_up(run) for run in runs]

    monkeypatch.setattr(Pool, "rows", rows)
    study = load_study("low-bit-words")
    result = study.run(tmp_path, settings=TINY, command="study", backend="tensorflow", data=text)
    about = json.loads(result.files[1].read_text())
    assert all(claim["holds"] for claim in about["claims"]) and len(about["claims"]) == 4
    assert len(asked) == len(set(asked)) == 2 * 4 * 4
    assert {row["test"] for row in result.rows} == {2.0**6, 2.0**8}
    published = {
        (row["quantizer"], row["normalization"]): row["published_ptb_300"] for row in result.rows
    }
    assert published["TerConnect", "layer"] == 88.2 and published["none", "layer"] is None
    assert result.files[2].read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "characters.npz").exists() and (tmp_path / "words.npz").exists()


def test_published_perplexities() -> None:
    assert len(WORDS) == 14
    fewer = [
        row for row in WORDS if row["quantizer"] == "TerConnect" and row["kilobytes_300"] < 220
    ]
    assert [row["ptb_650"] for row in fewer] == [113.8, 84.9, 82.5, 85.8]


@pytest.mark.slow
def test_a_word_model_learns(text: Path, tmp_path: Path) -> None:
    from tfpipeline.studies.low_bit.text.data import prepare_text
    from tfpipeline.studies.low_bit.text.training import train_run

    files = RunFiles(tmp_path, dataclasses.replace(TINY, symbols=None, epochs=8, rate=0.05))
    prepare_text(files, text)
    row = train_run(TextModel(0, "TerConnect", "layer"), files)
    assert json.loads(json.dumps(row)) == row and set(made_up(TextModel(0, None, None))) <= {
        *row,
        "run",
    }
    # A bit a word, and none for the end of a line.
    assert 3 / 4 - 0.05 < row["test"] < math.log2(7) / 2
    # Ternary: 2 bits a weight of the LSTM, whose embedding and classifier do not count.
    assert 2 * 4 * 8 * 16 / 8 < row["ledger"] < 2 * 4 * 8 * 16 / 8 + 4 * 4 * 8 * 8
