"""Which LSTMs the plug-in claims, and what it says of those that it leaves to the runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from builtin_lstm_models import LstmModel, lstm_model, make_lstm

from tfpipeline.runtime.native import library_path

FORMS: dict[str, dict[str, Any]] = {
    "norm": {"norm": True},
    "peephole": {"peephole": True},
    "coupled": {"coupled": True, "peephole": True, "norm": True},
    "projection": {"projection": 30},
}

#: What makes a node stay with the runtime, and what `verbose` says of it.
LEFT: dict[str, tuple[dict[str, Any], LstmModel, str]] = {
    "float": ({}, LstmModel(dtypes={0: np.float32}), "x must be int8"),
    "rank": ({}, LstmModel(shapes={0: (5, 9)}), "x must have 3 dimensions, the last one 9"),
    "depth": ({}, LstmModel(shapes={0: (1, 5, 8)}), "x must have 3 dimensions, the last one 9"),
    "int16 weights": (
        {},
        LstmModel(dtypes={2: np.int16}),
        "forget gate's weights must be of type 9; got 7",
    ),
    "few rows": (
        {},
        LstmModel(shapes={7: (19, 20)}),
        "cell gate's recurrent weights must have 20 rows of 20",
    ),
    "fed weights": (
        {},
        LstmModel(loose=(3,)),
        "cell gate's weights must be a plain constant of the model",
    ),
    "no weights": ({}, LstmModel(dropped=(2,)), "forget gate's weights must not be missing"),
    "no bias": ({}, LstmModel(dropped=(14,)), "cell gate's biases must not be missing"),
    "no output gate": (
        {},
        LstmModel(dropped=(8,)),
        "weights of the output gate must be matrices",
    ),
    "half an input gate": (
        {},
        LstmModel(dropped=(5,)),
        "the input gate must be there as a whole or not at all",
    ),
    "half a peephole": (
        {"peephole": True},
        LstmModel(dropped=(11,)),
        "peephole weights must be there for all gates or for none",
    ),
    "half a norm": (
        {"norm": True},
        LstmModel(dropped=(22,)),
        "cell gate's normalization weights must not be missing",
    ),
    "wide peephole": (
        {"peephole": True, "projection": 21},
        LstmModel(),
        "a layer with a peephole must not have more outputs than cells",
    ),
    "no projection": (
        {"projection": 7},
        LstmModel(dropped=(16, 17)),
        "7 outputs of 20 cells must have a projection",
    ),
    "bias alone": (
        {"projection": 20},
        LstmModel(dropped=(16,)),
        "projection biases must not be there without weights",
    ),
    "constant state": ({}, LstmModel(loose=(18,)), "the output state must be a variable of type 9"),
    "int8 cell": (
        {},
        LstmModel(dtypes={19: np.int8}),
        "the cell state must be a variable of type 7",
    ),
    "small state": ({}, LstmModel(shapes={19: (1, 19)}), "the cell state must have 20 numbers"),
    "one state": ({}, LstmModel(same={19: 18}), "the output state must not be input 19 too"),
    "cell scale": (
        {},
        LstmModel(scales={19: 0.0005}),
        "the cell state must have a power of two from 2^-15 to 2^-9 as its scale; got 0.0005",
    ),
    "coarse cell": (
        {},
        LstmModel(scales={19: 2.0**-8}),
        "the cell state must have a power of two from 2^-15 to 2^-9 as its scale; got 0.00390625",
    ),
    "rows of scales": (
        {},
        LstmModel(scales={2: tuple([0.1] * 20)}),
        "forget gate's weights must have one scale and one zero point",
    ),
    "no scale": (
        {},
        LstmModel(scales={4: 0.0}),
        "output gate's weights must have a scale within (0, 2^40); got 0",
    ),
    "huge scale": (
        {},
        LstmModel(scales={4: 9765625000.0}),
        "output gate's weights must have a scale below 2^30 times that of their sums; "
        "got 8e+11 times",
    ),
    "intermediates": (
        {},
        LstmModel(intermediates=4),
        "it must have 20 or 24 inputs, 1 output and 5 intermediates; got 24, 1 and 4",
    ),
    "inputs": (
        {},
        LstmModel(inputs=22),
        "it must have 20 or 24 inputs, 1 output and 5 intermediates; got 22, 1 and 5",
    ),
}


def claim(model: bytes, **options: str) -> None:
    """Apply the plug-in, with which preparing a model begins."""
    delegate = load_delegate(str(library_path()), options={"accelerate_builtin": "1", **options})
    Interpreter(model_content=model, experimental_delegates=[delegate], num_threads=1)


@pytest.mark.parametrize("name", LEFT)
def test_other_nodes_are_left_to_the_runtime(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    arguments, edit, sentence = LEFT[name]
    claim(lstm_model(make_lstm(**arguments), edit), verbose="true")
    said = capfd.readouterr().err.splitlines()
    before = "tfpipeline: node 0: UNIDIRECTIONAL_SEQUENCE_LSTM is left to the runtime: "
    assert [line for line in said if line.startswith("tfpipeline")] == [before + sentence]


@pytest.mark.parametrize("form", [None, *FORMS])
def test_our_kernels_run_what_they_claim(
    form: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    case = make_lstm(**FORMS.get(form or "", {}))
    claim(lstm_model(case))
    assert "tfpipeline" not in capfd.readouterr().err
    claim(lstm_model(case), verbose="true")
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM runs on" in capfd.readouterr().err


def test_portable_kernels_take_no_small_layer(capfd: pytest.CaptureFixture[str]) -> None:
    claim(lstm_model(make_lstm(15)), isa="c", verbose="true")
    assert "at least 16 cells to gain from the kernels 'c'; got 15" in capfd.readouterr().err
    claim(lstm_model(make_lstm(16)), isa="c", verbose="true")
    assert "runs on c" in capfd.readouterr().err


def test_only_the_option_asks_for_it(capfd: pytest.CaptureFixture[str]) -> None:
    claim(lstm_model(make_lstm()), accelerate_builtin="0", verbose="true")
    assert "tfpipeline" not in capfd.readouterr().err
