"""`clipping="compare"`: every choice is tried on fair data, and the best one is written."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from small_model import FEATURES, walk

from tfpipeline.export import ExportError, ExportReport, Tolerances, export
from tfpipeline.export.calibrate.observations import held_back
from tfpipeline.export.quantize.ranges import CLIPPINGS
from tfpipeline.layers import FactoredGRU
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

ANY = Tolerances(0, 100.0, 100.0)


def dense_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((32,)), keras.layers.Dense(16, name="only")])


def with_outliers(samples: int = 256) -> np.ndarray:
    """One value far from all others, in a sample that is not held back."""
    x = np.random.default_rng(0).normal(size=(samples, 32)).astype(np.float32)
    x[0, 0] = 30.0
    return x


def compared(path: Path, x: np.ndarray, **options: object) -> ExportReport:
    chosen = {"forms": ("portable",), "tolerances": ANY, "clipping": "compare", **options}
    return export(dense_model(), path, calibration=x, **chosen)


def test_outliers_make_another_rule_than_min_max_win(target: Path) -> None:
    # A quarter is held back for the verification, and a quarter of the rest for the choice.
    report = compared(target, with_outliers(341))
    found = report.choices
    assert found is not None and found.samples == 64 and found.held_back
    assert report.calibration["samples"] == 256 and report.verification["samples"] == 85
    pairs = [(choice.clipping, choice.bias_correction) for choice in found.choices]
    assert pairs == [(clipping, correct) for clipping in CLIPPINGS for correct in (False, True)]
    assert [choice.chosen for choice in found.choices].count(True) == 1
    errors = {
        pair: max(choice.relative_error, choice.channel_error)
        for pair, choice in zip(pairs, found.choices, strict=True)
    }
    best = (found.best.clipping, found.best.bias_correction)
    assert errors[best] == min(errors.values()) < 0.7 * errors["minmax", False]
    assert (report.calibration["clipping"], report.calibration["bias_correction"]) == best
    assert report.portable is not None
    card = Interpreter(report.portable).card["quantization"]
    assert (card["clipping"], card["bias_correction"]) == best
    written = json.loads(Path(report.report_path).read_text())["choices"]
    assert len(written["choices"]) == 6
    printed = str(report).splitlines()
    assert sum(line.split()[:1] == ["minmax"] for line in printed) == 2
    assert [line.split()[0] for line in printed if line.endswith("chosen")] == [best[0]]


def test_without_outliers_the_errors_are_alike(target: Path) -> None:
    # What the comparison above shows is due to the outlier, not to the rules.
    x = with_outliers()
    x[0, 0] = 1.0
    found = compared(target, x).choices
    assert found is not None
    errors = [max(choice.relative_error, choice.channel_error) for choice in found.choices]
    assert max(errors) < 1.4 * min(errors)


def test_bias_correction_wins_where_rounding_adds_up(target: Path) -> None:
    # Inputs with a mean: what rounding does to the weights adds up in one direction.
    x = (1.0 + 0.1 * np.random.default_rng(0).normal(size=(64, 32))).astype(np.float32)
    found = compared(target, x, quantize="int8x4").choices
    assert found is not None and found.best.bias_correction


def test_all_files_are_those_of_the_named_choice(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    layers = [FactoredGRU(12, rank=4, name="first"), keras.layers.Dense(3, name="last")]
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers])
    x = walk(24)
    x[0, 0, 0] = 60.0

    def files(folder: str, **options: object) -> tuple[ExportReport, dict[str, bytes]]:
        # The card has the name of the file.
        target = tmp_path / folder / "kws.tflite"
        report = export(
            model,
            target,
            calibration=x,
            streaming="both",
            chunk=2,
            tolerances=ANY,
            **options,  # type: ignore[arg-type]
        )
        return report, {path.name: path.read_bytes() for path in target.parent.glob("*.tflite")}

    report, first = files("first", clipping="compare")
    again, second = files("second", clipping="compare")
    assert report.choices is not None and report.choices == again.choices
    best = report.choices.best
    assert best.clipping != "minmax"
    named, third = files("named", clipping=best.clipping, bias_correction=best.bias_correction)
    assert named.choices is None
    assert len(first) == 4 and first == second == third


def test_verification_samples_have_no_say(target: Path) -> None:
    reports = [
        compared(target, with_outliers(), verification=held_out)
        for held_out in (with_outliers()[:4], 0.01 * with_outliers()[4:8])
    ]
    assert reports[0].choices == reports[1].choices


def test_every_fourth_sample_is_held_back_where_there_are_enough() -> None:
    assert held_back(7) == ()
    assert held_back(8) == (3, 7)
    assert len(held_back(256)) == 64


def test_of_few_samples_all_are_compared_on(target: Path) -> None:
    found = compared(target, with_outliers(5)).choices
    assert found is not None and found.samples == 5 and not found.held_back


def test_a_graph_of_integers_is_compared_as_such(target: Path) -> None:
    found = compared(target, with_outliers(), io="int8").choices
    assert found is not None and found.best.clipping != "minmax"


@pytest.mark.parametrize("mode", ["float32", "float16", "dynamic"])
def test_there_is_nothing_to_compare_without_quantized_activations(target: Path, mode: str) -> None:
    report = compared(target, with_outliers(), quantize=mode)
    assert report.choices is None and report.portable is not None
    card = Interpreter(report.portable).card["quantization"]
    assert card["clipping"] is None and card["bias_correction"] is None


def test_our_ops_have_quantized_inputs_in_any_mode(target: Path) -> None:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((None, FEATURES)), keras.layers.GRU(12, name="first")])
    x = walk(24)
    x[0, 0, 0] = 60.0
    report = export(
        model, target, quantize="dynamic", calibration=x, clipping="compare", tolerances=ANY
    )
    assert report.choices is not None and report.choices.form == "fused"
    assert report.choices.best.clipping != "minmax"


def test_bias_correction_is_part_of_the_comparison(target: Path) -> None:
    message = "bias_correction must be left out with clipping='compare'.*received True"
    with pytest.raises(ExportError, match=message):
        compared(target, with_outliers(), bias_correction=True)
