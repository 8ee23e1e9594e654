"""What runs are called: stored rows are found by these names, so they are what they always were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tfpipeline.studies.common.run_names import changed_fields, number_text, value_text
from tfpipeline.studies.embeddings import runs as embeddings
from tfpipeline.studies.fast_grnn import runs as fast_grnn
from tfpipeline.studies.fast_grnn.language import runs as language
from tfpipeline.studies.low_bit import runs as low_bit
from tfpipeline.studies.low_bit.text import runs as characters
from tfpipeline.studies.low_rank import runs as low_rank

_SENTENCES = embeddings.Training(0, "lstm", 4, schedule="adam_cosine", parts=4)
_SMALLER = embeddings.Smaller(_SENTENCES, (("prune", 0.25), ("rank", 0.9)), 4, 4)
_PROJECTED = embeddings.Training(1, "dan", 8, "pca", 0.75, "calr_published", 0.003)
_QRNN = fast_grnn.Training(2, "qrnn", 128, rank=24, density=0.4, piecewise=True)
_FACTORS = fast_grnn.Training(
    *(1, "fast_grnn", 100, "digits", 4, -1, 25), options=fast_grnn.TERNARY, trace_norm=1e-3
)
_BLOCKS = fast_grnn.Training(
    0, "fast_grnn", 64, density=0.25, recurrent_density=1 / 3, block=(8, 4), random_start=True
)
_PIXELS = low_bit.Training(2, "LAT", "batch_shared", order="permuted", border=False, gain=0.1)
_PLAIN = low_bit.Training(0, None, None, cell="gru", gain="uniform", normalize_cell=True)
_WORDS = language.LanguageModel(0, "gru", 200, 0.003, rank=32, piecewise=True, ar=2.0)
_STAGE1 = low_rank.Stage1(3, "trace_norm", 1e-4, 3e-5, joint="split", width=0.5, uniform=True)

NAMES = [
    (_SENTENCES, "lstm-epochs=4-whole-0-adam_cosine-0-parts=4-seed0"),
    (
        _SMALLER,
        "lstm-epochs=4-whole-0-adam_cosine-0-parts=4-prune0.25-rank0.9-epochs=4-parts=4-seed0",
    ),
    (_PROJECTED, "dan-epochs=8-pca-0.75-calr_published-0.003-parts=1-seed1"),
    (
        embeddings.Deployed(_PROJECTED),
        "dan-epochs=8-pca-0.75-calr_published-0.003-parts=1-seed1-files",
    ),
    (
        embeddings.Deployed(_SENTENCES, folded=True),
        "lstm-epochs=4-whole-0-adam_cosine-0-parts=4-seed0-folded",
    ),
    (
        fast_grnn.Deployed(_QRNN),
        "commands-qrnn128-rank=24-density=0.4-piecewise=True-seed2-int8",
    ),
    (fast_grnn.FirstStates(_QRNN, 5), f"{_QRNN.name}-h0x5"),
    (
        _FACTORS,
        "digits-fast_grnn100-stacked=4-rank=-1-recurrent_rank=25-weight_quantizer=TerConnect-"
        "normalization=weight-trace_norm=0.001-seed1",
    ),
    (
        fast_grnn.Deployed(fast_grnn.Cut(_FACTORS, 30_000, 12, ternary=True), stock=True),
        f"{_FACTORS.setting}-cut30000-epochs=12-ternary-seed1-stock",
    ),
    (
        _BLOCKS,
        "commands-fast_grnn64-density=0.25-recurrent_density=0.3333333333333333-block=8x4-"
        "random_start=True-seed0",
    ),
    (_PIXELS, "lstm-LAT-batch_shared-order=permuted-border=False-gain=0.1-seed2"),
    (_PLAIN, "gru-float-plain-gain=uniform-normalize_cell=True-seed0"),
    (characters.TextModel(0, "BWN", None, "gru", 2), "text-grux2-BWN-plain-seed0"),
    (_WORDS, "text-gru200-rate=0.003-rank=32-piecewise=1-ar=2-seed0"),
    (_STAGE1, "trace_norm-0.0001-3e-05-split-width0.5-uniform-seed3"),
    (low_rank.Stage1(0, sparsity=0.9), "none-sparse0.9-seed0"),
    (
        low_rank.Stage2(_STAGE1, explained_variance=0.95),
        "trace_norm-0.0001-3e-05-split-width0.5-uniform-cut0.95-seed3",
    ),
    (
        low_rank.Deployed(low_rank.TwoStages(low_rank.Stage1(1), 80, 20, 0.3)),
        "none-budget0.3-transition20of80-seed1-int8",
    ),
]


@pytest.mark.parametrize(("run", "name"), NAMES, ids=[name for _, name in NAMES])
def test_names_are_what_they_always_were(run: Any, name: str) -> None:
    assert run.name == name
    # A setting is the same of all seeds, and the seed is all that it leaves out.
    assert run.setting == "-".join(part for part in name.split("-") if "seed" not in part)


def test_only_what_is_deployed_exports() -> None:
    assert embeddings.Deployed.exports and fast_grnn.Deployed.exports and low_rank.Deployed.exports
    assert not any(kind.exports for kind in (embeddings.Smaller, fast_grnn.FirstStates, _QRNN))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.1, "0.1"), (3.0, "3"), (1 / 3, "0.3333333333333333"), (1e-7, "1e-07"), (40, "40")),
        *((True, "True"), (None, "None"), ((8, 4), "8x4"), ("a/b", "a:b")),
    ],
)
def test_values_in_names(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_numbers_that_differ_have_names_that_differ() -> None:
    assert number_text(0.1234567) != number_text(0.1234568)


def test_fields_that_changed() -> None:
    @dataclass(frozen=True)
    class Made:
        seed: int
        rank: int = 0
        options: tuple[tuple[str, Any], ...] = ()

    assert changed_fields(Made(1), "seed") == []
    assert changed_fields(Made(1, 4), "rank") == []
    options = (("clip", 1.0), ("gate", "tanh"))
    assert changed_fields(Made(1, 4, options), "seed") == ["rank=4", "clip=1", "gate=tanh"]
