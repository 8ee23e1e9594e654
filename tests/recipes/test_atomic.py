"""Files appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tfpipeline.recipes.atomic import replacing, write_json


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError])
def test_an_interrupted_file_leaves_the_old_one(
    interruption: type[BaseException], tmp_path: Path
) -> None:
    file = tmp_path / "model.keras"
    file.write_text("old")
    with pytest.raises(interruption), replacing(file) as partial:
        partial.write_text("half of the n")
        raise interruption
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_finished_file_replaces_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.json"
    write_json(file, {"a": 1})
    write_json(file, {"a": 2})
    assert json.loads(file.read_text()) == {"a": 2}
    assert list(file.parent.iterdir()) == [file]


def test_the_suffix_stays(tmp_path: Path) -> None:
    with replacing(tmp_path / "model.keras") as partial:
        assert partial.suffix == ".keras"
        partial.touch()
