"""Starts one rival and ends; a process of its own, because a library can crash.

    python try_rival.py NAME JSON THREADS

JSON is a `Preset`. What goes wrong without a crash is no business of this process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recurrent_layers import Preset

from rivals import RIVALS
from rivals.rival import start_rival


def main(name: str, job: str, threads: str) -> None:
    values = json.loads(job)
    preset = Preset(**{**values, "units": tuple(values["units"])})
    (rival,) = [one for one in RIVALS if one.name == name]
    start_rival(rival, preset.stack(), preset.input(), int(threads))


if __name__ == "__main__":
    main(*sys.argv[1:])
