"""Whether samples could show that a file is wrong."""

from __future__ import annotations

import numpy as np

from tfpipeline.export.errors import VerificationError
from tfpipeline.export.samples.sets import GIVEN
from tfpipeline.export.samples.signature import Samples
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.verify.relative_error import is_constant

_NAMED = 4
"""Values of an output that a sentence shows."""


def check_telling(
    samples: Samples, expected: Samples, tolerances: Tolerances, samples_are: str = GIVEN
) -> None:
    """Refuse samples on which a file that ignores its input would look right.

    Args:
        samples: Model inputs by name.
        expected: Keras' outputs by name.
        tolerances: A bound of 1 or more on the relative error asks for no proof.
        samples_are: Where the samples come from, as in `SampleSets`.

    Raises:
        VerificationError: all samples are alike, or the model puts out the same for all of them.
    """
    if tolerances.relative_error >= 1.0 or not all(map(is_constant, expected.values())):
        return
    count = len(next(iter(samples.values())))
    argument = "verification" if samples_are == GIVEN else "calibration"
    if all((values == values[:1]).all() for values in samples.values()):
        zeros = not any(values.any() for values in samples.values())
        alike = "there is only one" if count == 1 else f"all {count} are alike"
        raise VerificationError(
            f"the files cannot be judged on the {argument} samples, because {alike}"
            f"{' and zero' if zeros else ''}: a file that ignores its input would look right; "
            "pass samples that differ, as the model meets them in use"
        )
    values = ", ".join(f"{name!r} is {_shown(value)}" for name, value in expected.items())
    raise VerificationError(
        f"the files cannot be judged, because on all {argument} samples the model puts out "
        f"the same values ({values}): expected samples on which they differ, so pass others, "
        "and look whether the model is trained"
    )


def _shown(values: np.ndarray) -> str:
    one = values[0].reshape(-1)
    if (one == one[0]).all():
        return f"{one[0]:.6g}"
    listed = ", ".join(f"{value:.6g}" for value in one[:_NAMED])
    return f"[{listed}{', ...' if one.size > _NAMED else ''}]"
