"""The size of the model that Kliegl et al. train, counted on `ds2`."""

from __future__ import annotations

import pytest

from tfpipeline.models import ds2

pytestmark = pytest.mark.slow

# Every width is an eighth, because the start of a full-rank factor is an SVD; the numbers in the
# kernels are then exactly a 64th.
SHRINK = 8
WIDTHS = {"units": (96, 128, 160), "dense": 192, "filters": (4, 4)}
PUBLISHED = {"units": (768, 1024, 1280), "dense": 1536, "filters": (32, 32)}


def kernel_parameters(**options: bool) -> int:
    """Numbers in the kernels of GRU and dense layers, or in their factors, at full width."""
    model = ds2(**WIDTHS, **options)
    layers = [layer for layer in model.layers if layer.name.startswith(("gru_", "dense"))]
    assert len(layers) == 4
    kernels = [w for layer in layers for w in layer.trainable_variables if len(w.shape) == 2]
    return SHRINK**2 * sum(w.shape[0] * w.shape[1] for w in kernels if "bias" not in w.path)


@pytest.fixture(scope="module")
def counts() -> dict[tuple[bool, bool], int]:
    """By `fast` and `factored`."""
    return {
        (fast, factored): kernel_parameters(fast=fast, factored=factored)
        for fast in (False, True)
        for factored in (False, True)
    }


def test_the_defaults_are_eight_times_as_wide() -> None:
    names = ds2.__code__.co_varnames[: ds2.__code__.co_argcount]
    defaults = dict(zip(names[::-1], (ds2.__defaults__ or ())[::-1], strict=False))
    assert {name: defaults[name] for name in PUBLISHED} == PUBLISHED
    assert defaults["num_features"] == 80
    assert WIDTHS["units"] == tuple(width // SHRINK for width in PUBLISHED["units"])


def test_the_docstring_has_the_real_counts(counts: dict[tuple[bool, bool], int]) -> None:
    text = " ".join((ds2.__doc__ or "").split())
    small, large = ((counts[fast, False], counts[fast, True]) for fast in (False, True))
    # By hand: 3 x 768 x (640 + 768) + 3 x 1024 x (768 + 1024) + 3 x 1280 x (1024 + 1280) + 1280 x
    # 1536 is 19.6 M; with 1280 for 640 it is 21.0 M.
    assert small[0] == 19_562_496 and large[0] == 21_037_056
    for first, second in (small, large):
        assert f"{first / 1e6:.1f} M" in text and f"{second / 1e6:.1f} M" in text


def test_the_fast_model_has_the_published_size(counts: dict[tuple[bool, bool], int]) -> None:
    """21.7 M unfactored and 29.8 M factored in the paper; both have 0.6 M more for convolutions."""
    assert abs(counts[True, False] + 0.6e6 - 21.7e6) < 0.1e6
    assert abs(counts[True, True] + 0.6e6 - 29.8e6) < 0.15e6
