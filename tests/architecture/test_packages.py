"""The wheel holds every package of the tree, and nothing that only this repository can use."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_setup_cfg_lists_every_package() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = config["options"]["packages"].split()
    found = [
        ".".join([*base.split("."), *file.parent.relative_to(ROOT / folder).parts])
        for folder, base in (("tfpipeline", "tfpipeline"), ("export", "tfpipeline.export"))
        for file in (ROOT / folder).rglob("__init__.py")
    ]
    assert sorted(listed) == sorted(found)
    assert len(listed) == len(set(listed)) > 20


def test_no_folder_of_modules_lacks_its_init() -> None:
    for folder in ("tfpipeline", "export"):
        folders = {file.parent for file in (ROOT / folder).rglob("*.py")}
        assert [str(f) for f in sorted(folders) if not (f / "__init__.py").exists()] == []
