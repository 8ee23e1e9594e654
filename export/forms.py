"""Which files an export can write."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """Which file is written.

    Args:
        fused: Recurrent and factored layers as our custom ops; otherwise builtin ops only.
        streaming: A few time steps with explicit states; otherwise a whole sequence.
    """

    fused: bool
    streaming: bool

    @property
    def name(self) -> str:
        return ("stream " if self.streaming else "") + ("fused" if self.fused else "portable")
