"""Which software made a result."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "tfpipeline",
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "numpy",
    "matplotlib",
    "espeakng-loader",
)


def installed_versions() -> dict[str, str]:
    """Return the version of each package that takes part and is installed."""
    versions: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
