"""The model card: inside every file, beside every file, and complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest
from small_model import LABELS, Exported, walk

import tfpipeline
from tfpipeline.export import ExportError, export
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.runtime.model_card import CARD_METADATA, complete_card, pack_card
from tfpipeline.runtime.tflite_file import TFLiteFile

FORMS = ("portable", "fused", "stream_portable", "stream_fused")


def card_of(exported: Exported, form: str) -> dict[str, Any]:
    runner: Any = Streamer if form.startswith("stream") else Interpreter
    found: dict[str, Any] = runner(getattr(exported.report, form)).card
    return found


@pytest.mark.parametrize("form", FORMS)
def test_the_card_inside_equals_the_card_beside(exported: Exported, form: str) -> None:
    path: Path = getattr(exported.report, form)
    assert json.loads(path.with_suffix(".card.json").read_text()) == card_of(exported, form)


@pytest.mark.parametrize("form", FORMS)
def test_the_card_inside_has_no_bytes_for_what_is_not_there(exported: Exported, form: str) -> None:
    card, path = card_of(exported, form), getattr(exported.report, form)
    data = TFLiteFile(path).metadata(CARD_METADATA)
    inside = json.loads(data)
    assert card["license"] is None and "license" not in inside
    assert ("chunk" in inside) == card["streaming"]
    assert ("requires" in inside) == ("fused" in form)
    assert all(inside[key] == card[key] for key in inside)
    assert len(data) < 0.95 * len(json.dumps(card))
    assert pack_card(card) == data


def test_what_a_file_leaves_out_is_null_for_programs() -> None:
    part: dict[str, Any] = {"inputs": [{"name": "x", "unit": None}], "length": None, "chunk": 2}
    card = {**part, "license": None, "labels": None, "signatures": {"step": dict(part)}}
    inside = json.loads(pack_card(card))
    kept = {"inputs": [{"name": "x"}], "chunk": 2}
    assert inside == {**kept, "labels": None, "signatures": {"step": kept}}
    found = complete_card(inside)
    unknown = {"unit": None, "sample_rate": None, "frame_rate": None}
    assert found["inputs"] == found["signatures"]["step"]["inputs"] == [{"name": "x", **unknown}]
    assert found["license"] is None and found["signatures"]["step"]["length"] is None
    for damaged in (
        3,
        [],
        {"inputs": 3},
        {"inputs": [3]},
        {"signatures": 3},
        {"signatures": {"a": 3}},
    ):
        complete_card(damaged)  # what it is, others say


def test_the_card_says_what_a_program_needs(exported: Exported) -> None:
    card = card_of(exported, "stream_portable")
    assert card["name"] == "kws"
    assert card["labels"] == list(LABELS)
    assert card["frontend"]["sample_rate"] == 16000
    (entry,) = card["inputs"]
    assert (entry["sample_rate"], entry["frame_rate"]) == (16000, 100)
    assert "mel" in entry["unit"]
    assert card["ranks"] == {
        "first": {"kernel": 8, "recurrent_kernel": 8},
        "second": {"kernel": None, "recurrent_kernel": None},
    }
    assert [state["input"] for state in card["states"]] == ["first_state_in", "second_state_in"]
    assert card["versions"]["tfpipeline"] == tfpipeline.__version__
    assert card["metrics"] == {}


def test_only_fused_files_need_the_plugin(exported: Exported) -> None:
    assert card_of(exported, "portable")["requires"] is None
    needs = {"plugin": f">={tfpipeline.__version__}", "plugin_abi": 1}
    assert card_of(exported, "fused")["requires"] == needs


def test_the_calibration_of_card_and_report_are_the_same(exported: Exported) -> None:
    card = card_of(exported, "fused")["calibration"]
    report = exported.report.calibration
    assert card == {key: report[key] for key in card}
    assert (card["source"], card["samples"]) == ("array", 40)
    assert len(card["sha256"]) == len(card["list_sha256"]) == 64
    # Forty file names would be a tenth of this model's size: the list is in the report only.
    assert report["list"] == ["0:40"] and "list" not in card
    assert exported.report.verification["list"] == ["0:12"]


def test_what_the_user_says_is_in_the_card(model: keras.Model, target: Path) -> None:
    report = export(
        model,
        target,
        calibration=walk(4),
        forms=("portable",),
        metrics={"test_accuracy": 0.98},
        description="Three words, spoken by a random walk.",
        license="CC0-1.0",
    )
    card = Interpreter(report.portable).card
    assert card["metrics"] == {"test_accuracy": 0.98}
    assert card["description"].startswith("Three words")
    assert card["license"] == "CC0-1.0"
    # Without a frontend nothing is known of units; the entry is there, so that programs can ask.
    assert card["inputs"][0]["unit"] is None and card["inputs"][0]["sample_rate"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": {"accuracy": "high"}}, "metrics must map names to finite numbers"),
        ({"metrics": {"loss": float("nan")}}, "received 'loss': nan"),
        ({"description": 3}, "description must be a string, received int"),
        ({"license": ["MIT"]}, "license must be a string, received list"),
        (
            {"frontend": {"type": "mfcc"}},
            r"frontend must be what to_config\(\) of LogMel or MicroFrontend gives",
        ),
        (
            {"frontend": {"colour": 3}},
            r"frontend must be what to_config\(\) of LogMel or MicroFrontend gives",
        ),
    ],
)
def test_what_a_card_cannot_hold_is_named(
    model: keras.Model, target: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        export(model, target, calibration=walk(2), **options)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_the_card_says_what_scores_are(exported: Exported, form: str) -> None:
    """Who prints scores must not take the softmax of probabilities."""
    (entry,) = card_of(exported, form)["outputs"]
    assert entry["scores"] == "logits"
