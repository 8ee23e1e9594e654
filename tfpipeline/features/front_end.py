"""Any front end, from what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfpipeline.features.log_mel import LogMel, LogMelStream
from tfpipeline.features.log_mel_config import LogMelConfig
from tfpipeline.features.micro_frontend import MicroFrontend, MicroFrontendStream

FrontEnd = LogMel | MicroFrontend
FrontEndStream = LogMelStream | MicroFrontendStream

FRONT_ENDS: Mapping[str, type[FrontEnd]] = {one.TYPE: one for one in (LogMel, MicroFrontend)}
"""By the "type" of their `to_config()`."""


def front_end_of(config: Mapping[str, Any]) -> FrontEnd:
    """Make the front end whose `to_config()` is given.

    Raises:
        ValueError: it describes none that this release has.
        MissingExtraError: it needs a package that is not installed.
    """
    return front_end_class(config).from_config(config)


def windows_of(config: Mapping[str, Any]) -> LogMelConfig:
    """Return the windows and filters of the front end whose `to_config()` is given.

    Needs no package, unlike computing features.

    Raises:
        ValueError: it describes none that this release has.
    """
    return front_end_class(config).windows_of(config)


def front_end_class(config: Mapping[str, Any]) -> type[FrontEnd]:
    """Return the class of a description, LogMel where it names no type.

    Raises:
        ValueError: another type.
    """
    kind = config.get("type", LogMel.TYPE) if isinstance(config, Mapping) else None
    if not isinstance(kind, str) or kind not in FRONT_ENDS:
        raise ValueError(
            f"expected to_config() of a front end of type {' or '.join(FRONT_ENDS)}, got "
            f"{str(config)[:60]}; use the tfpipeline release that wrote it."
        )
    return FRONT_ENDS[kind]
