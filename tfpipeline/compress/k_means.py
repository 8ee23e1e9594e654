"""Clusters of points by k-means: NumPy alone, and the same for a seed."""

from __future__ import annotations

import numpy as np

# Points that centers are fitted to at most, unless that leaves fewer than eight for each of them.
_FITTED = 1 << 15
_EACH = 8
# Distances in memory at a time.
_DISTANCES = 1 << 22


def k_means(
    points: np.ndarray,
    clusters: int,
    weights: np.ndarray | None = None,
    seed: int = 0,
    iterations: int = 25,
) -> np.ndarray:
    """Return the cluster of each point.

    Lloyd's algorithm (1982), "Least squares quantization in PCM", from the starting points of
    Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding". Of more than
    32,768 points and eight a cluster, centers are fitted to a sample of that size, and all points
    then go to the nearest. A cluster that loses all of its points starts again at the one that is
    farthest from its center.

    Args:
        points: `(points, width)`; they are widened to float64 a block at a time.
        clusters: at most; there are fewer where fewer points differ.
        weights: how much each point counts, positive; None for all alike.
        seed: of the draws.
        iterations: at most.

    Returns:
        int64 `(points,)`: clusters are numbered by their first point.
    """
    rng = np.random.default_rng(seed)
    weights = np.ones(len(points)) if weights is None else np.asarray(weights, np.float64)
    most = max(_FITTED, _EACH * clusters)
    chosen = np.arange(len(points))
    if len(points) > most:
        chosen = np.sort(rng.choice(len(points), most, replace=False))
    fitted, counted = points[chosen].astype(np.float64), weights[chosen]
    centers = _first_centers(fitted, clusters, counted, rng)
    labels, squares = nearest(fitted, centers)
    for _ in range(iterations):
        centers = means(fitted, labels, counted, len(centers))
        _fill(centers, fitted, labels, counted * squares)
        before = labels
        labels, squares = nearest(fitted, centers)
        if np.array_equal(before, labels):
            break
    if len(fitted) < len(points):
        labels, _ = nearest(points, centers)
    used, first = np.unique(labels, return_index=True)
    number = np.empty(len(centers), np.int64)
    number[used[np.argsort(first)]] = np.arange(len(used))
    return number[labels]


def means(points: np.ndarray, labels: np.ndarray, weights: np.ndarray, clusters: int) -> np.ndarray:
    """Return the weighted mean of the points of each cluster; of none, numbers that are none."""
    totals = np.bincount(labels, weights, minlength=clusters)
    found = np.empty((clusters, points.shape[1]))
    # A column at a time, which needs no second table.
    with np.errstate(invalid="ignore"):
        for column in range(points.shape[1]):
            sums = np.bincount(labels, weights * points[:, column], minlength=clusters)
            found[:, column] = sums / totals
    return found


def nearest(points: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest center of each point, the lower of two, and the squared distance."""
    labels = np.empty(len(points), np.int64)
    squares = np.empty(len(points))
    lengths = (centers**2).sum(axis=1)
    step = max(1, _DISTANCES // len(centers))
    for start in range(0, len(points), step):
        block = slice(start, start + step)
        own = np.asarray(points[block], np.float64)
        labels[block] = (lengths - 2 * own @ centers.T).argmin(axis=1)
        squares[block] = ((own - centers[labels[block]]) ** 2).sum(axis=1)
    return labels, squares


def _first_centers(
    points: np.ndarray, clusters: int, weights: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw points, each with a chance that grows with the square of its distance to the others."""
    chosen = [int(rng.choice(len(points), p=weights / weights.sum()))]
    squares = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < clusters:
        chances = weights * squares
        total = chances.sum()
        if not total > 0:
            break  # every point is a center already
        chosen.append(int(rng.choice(len(points), p=chances / total)))
        squares = np.minimum(squares, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return points[chosen]


def _fill(centers: np.ndarray, points: np.ndarray, labels: np.ndarray, losses: np.ndarray) -> None:
    empty = np.flatnonzero(np.isnan(centers).any(axis=1))
    if len(empty):
        farthest = np.argsort(-losses, kind="stable")[: len(empty)]
        centers[empty] = points[farthest]
