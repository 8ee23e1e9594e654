"""When a frame of scores is, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from tfpipeline.arguments import is_number


@dataclass(frozen=True)
class FrameTimes:
    """Seconds of frames, and frames of seconds.

    Args:
        frame_seconds: from one frame to the next.
        first_frame_seconds: from the start of the audio to the end of what the first frame heard;
            None for `frame_seconds`.
        refractory: seconds after a detection in which there is no other.

    Raises:
        ValueError: a number that is impossible.
    """

    frame_seconds: float
    first_frame_seconds: float | None
    refractory: float
    refractory_frames: int = field(init=False)

    def __post_init__(self) -> None:
        if not is_number(self.frame_seconds) or self.frame_seconds <= 0:
            raise ValueError(
                f"`frame_seconds` must be a positive number; received {self.frame_seconds!r}."
            )
        first = self.first_frame_seconds
        if first is not None and (not is_number(first) or first < 0):
            raise ValueError(f"`first_frame_seconds` must be 0 or more; received {first!r}.")
        if not is_number(self.refractory) or self.refractory < 0:
            raise ValueError(
                f"`refractory` must be 0 seconds or more; received {self.refractory!r}."
            )
        frames = round(self.refractory / self.frame_seconds)
        object.__setattr__(self, "refractory_frames", frames)

    def of(self, frame: int) -> float:
        """Return the seconds of audio that the model has heard at a frame, counted from 0."""
        first = self.first_frame_seconds
        start = self.frame_seconds if first is None else first
        return float(start + frame * self.frame_seconds)
