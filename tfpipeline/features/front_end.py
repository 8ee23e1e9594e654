"""Any front end, from what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfpipeline.features.log_mel import LogMel
from tfpipeline.features.micro_frontend import MicroFrontend

FrontEnd = LogMel | MicroFrontend


def front_end_of(config: Mapping[str, Any]) -> FrontEnd:
    """Make the front end whose `to_config()` is given.

    Raises:
        ValueError: it describes none that this release has.
        MissingExtraError: it needs a package that is not installed.
    """
    kind = config.get("type") if isinstance(config, Mapping) else None
    if kind == MicroFrontend.CONFIG["type"]:
        return MicroFrontend.from_config(config)
    return LogMel.from_config(config)
