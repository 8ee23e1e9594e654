"""How a result came about, for the JSON file beside it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfpipeline.bench.machine import describe_machine
from tfpipeline.bench.source import describe_source
from tfpipeline.recipes.provenance import installed_versions
from tfpipeline.studies.common.rows import Row


def versions() -> dict[str, str]:
    """Return the versions of Python and the packages that take part."""
    found = {"python": platform.python_version(), **installed_versions()}
    if importlib.util.find_spec("jax"):
        found["jax"] = importlib.metadata.version("jax")
    return found


def describe_run(
    study: str,
    command: str,
    seeds: Sequence[int],
    data: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return everything that another person needs to get the same rows.

    Args:
        study: Its name.
        command: The command line.
        seeds: All that were used.
        data: What the data is, and its hashes.
        settings: Options that change results.
    """
    return {
        "study": study,
        "command": command,
        "seeds": list(seeds),
        "data": dict(data),
        "settings": dict(settings),
        **describe_source(),
        "versions": versions(),
        "machine": describe_machine().to_dict(),
    }


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def origins(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return how many rows come from which commit and which processor, most first."""
    names = ("commit", "dirty", "processor")
    counts = Counter(tuple(row.get(name) for name in names) for row in rows)
    return [
        {**dict(zip(names, values, strict=True)), "rows": count}
        for values, count in counts.most_common()
    ]
