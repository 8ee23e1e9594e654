"""k-means against brute force, and what holds of any clusters."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.compress import k_means as module
from tfpipeline.compress.k_means import k_means, means, nearest


def loss(points: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    centers = means(points, labels, weights, labels.max() + 1)
    return float((weights[:, None] * (points - centers[labels]) ** 2).sum())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 40),
    width=st.integers(1, 4),
    clusters=st.integers(1, 12),
)
def test_every_point_is_nearest_to_the_mean_of_its_own(
    seed: int, count: int, width: int, clusters: int
) -> None:
    rng = np.random.default_rng(seed)
    points, weights = rng.normal(size=(count, width)), rng.uniform(0.5, 3.0, count)
    labels = k_means(points, clusters, weights, seed, iterations=200)
    assert labels.max() + 1 == len(np.unique(labels)) == min(clusters, count)
    # Numbered by their first point.
    assert [*dict.fromkeys(labels.tolist())] == list(range(labels.max() + 1))
    found, _ = nearest(points, means(points, labels, weights, labels.max() + 1))
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_array_equal(k_means(points, clusters, weights, seed, 200), labels)


def test_it_comes_near_the_best_of_all_partitions() -> None:
    rng = np.random.default_rng(3)
    points, weights = rng.normal(size=(8, 2)), rng.uniform(0.5, 3.0, 8)
    best = min(
        loss(points, np.unique(split, return_inverse=True)[1], weights)
        for split in itertools.product(range(3), repeat=8)
    )
    found = [loss(points, k_means(points, 3, weights, seed), weights) for seed in range(8)]
    assert min(found) == pytest.approx(best) and max(found) < 3 * best


def test_groups_that_are_far_apart_are_found() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 9, 200)
    points = 100.0 * np.eye(9)[group] + rng.normal(size=(200, 9))
    labels = k_means(points, 9, seed=1)
    assert len({(a, b) for a, b in zip(group, labels, strict=True)}) == 9


def test_a_weight_is_that_many_points() -> None:
    points = np.random.default_rng(5).normal(size=(30, 2))
    weights = np.random.default_rng(6).integers(1, 5, 30)
    labels = k_means(points, 4, weights)
    repeated = np.repeat(points, weights, axis=0)
    again = np.repeat(labels, weights)
    np.testing.assert_allclose(
        means(points, labels, weights, 4), means(repeated, again, np.ones(len(again)), 4)
    )


def test_fewer_points_that_differ_than_clusters() -> None:
    points = np.repeat(np.arange(3.0)[:, None], 4, axis=0)
    assert k_means(points, 10).tolist() == np.repeat([0, 1, 2], 4).tolist()


def test_a_sample_stands_for_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FITTED", 64)
    monkeypatch.setattr(module, "_DISTANCES", 100)
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 500)
    points = (100.0 * np.eye(4)[group] + rng.normal(size=(500, 4))).astype("float32")
    labels = k_means(points, 4)
    assert len(labels) == 500 and len({*zip(group, labels, strict=True)}) == 4


def test_a_center_that_lost_its_points_starts_again() -> None:
    centers = np.array([[0.0], [np.nan], [5.0]])
    points = np.array([[0.0], [4.0], [6.5]])
    fill: Any = module._fill
    fill(centers, points, np.array([0, 2, 2]), np.array([0.0, 1.0, 2.25]))
    assert centers.tolist() == [[0.0], [6.5], [5.0]]
