"""Writes `tfpipeline/inspection/operators.tsv` from what the runtimes answered.

Call it with the answers of `probe_registrations.py`, each from the environment of its runtime, in
the order litert.json tensorflow.json tflite_runtime.json tflite_micro.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

TABLE = Path(__file__).resolve().parents[2] / "tfpipeline" / "inspection" / "operators.tsv"


def cell(answer: dict[str, Any], code: int) -> str:
    """`-`: not registered; `*`: any version; `7`: versions 1 to 7; `2-4`: versions 2 to 4."""
    if str(code) not in answer["operators"]:
        return "-"
    versions = answer["operators"][str(code)]
    if versions is None:
        return "*"
    first, last = versions
    return str(last) if first == 1 else f"{first}-{last}"


def table(answers: list[dict[str, Any]]) -> str:
    names = {
        value: name
        for name, value in vars(schema.BuiltinOperator).items()
        if isinstance(value, int) and not name.startswith("_")
    }
    lines = ["\t".join(["code", "operator", *(answer["source"] for answer in answers)])]
    for code, name in sorted(names.items()):
        lines.append("\t".join([str(code), name, *(cell(answer, code) for answer in answers)]))
    for name in sorted({name for answer in answers for name in answer["custom"]}):
        known = ["1" if name in answer["custom"] else "-" for answer in answers]
        lines.append("\t".join(["32", name, *known]))
    for number in range(max(max(answer["types"]) for answer in answers) + 1):
        known = ["1" if number in answer["types"] else "-" for answer in answers]
        lines.append("\t".join(["type", str(number), *known]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table([json.loads(Path(path).read_text()) for path in sys.argv[1:]]))
