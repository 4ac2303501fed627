"""Drawing without jagged edges: the signed distance of every pixel's centre to a shape, and ink where it is negative.

A pixel whose centre lies a distance d outside the edge gets the ink 1/2 − d, kept in 0 … 1: within half a pixel of the
edge it fades. Coordinates are pixels with the origin at the corner of the image, so pixel (row i, column j) has its
centre at x = j + 1/2, y = i + 1/2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]


def pixel_centres(height: int, width: int) -> tuple[Floats, Floats]:
    """x (1, W) and y (H, 1) of the pixels' centres."""
    return (
        np.arange(0.5, width, dtype=np.float32)[None, :],
        np.arange(0.5, height, dtype=np.float32)[:, None],
    )


def ink(distance: Floats) -> Floats:
    """How much of each pixel is covered, 0 … 1."""
    covered: Floats = np.minimum(np.maximum(np.float32(0.5) - distance, 0), 1)
    return covered


def to_disc(x: Floats, y: Floats, centre: ArrayLike, radius: float) -> Floats:
    """Signed distance to a disc: negative inside."""
    cx, cy = np.asarray(centre, dtype=np.float32)
    distance: Floats = np.hypot(x - cx, y - cy) - np.float32(radius)
    return distance


def to_segments(x: Floats, y: Floats, segments: ArrayLike) -> Floats:
    """Distance to the nearest of some line segments (M, 2 ends, 2 coordinates), ≥ 0."""
    ax, ay, bx, by = np.asarray(segments, dtype=np.float32).reshape(-1, 4, 1, 1).swapaxes(0, 1)  # (M, 1, 1) each
    u, v = bx - ax, by - ay
    x, y = x - ax, y - ay  # from each segment's beginning
    along = np.minimum(np.maximum((x * u + y * v) / np.maximum(u * u + v * v, np.float32(1e-9)), 0), 1)
    square = np.square(x - along * u) + np.square(y - along * v)
    nearest: Floats = np.sqrt(square.min(axis=0))
    return nearest


def to_polygon(x: Floats, y: Floats, corners: ArrayLike) -> Floats:
    """Signed distance to a polygon (M, 2), convex or not: negative where a ray to the right crosses an odd number."""
    points = np.asarray(corners, dtype=np.float32)
    sides = np.stack([points, np.roll(points, -1, axis=0)], axis=1)  # (M, 2, 2)
    ax, ay, bx, by = sides.reshape(-1, 4, 1, 1).swapaxes(0, 1)
    rise = np.where(ay == by, np.float32(1), by - ay)  # a level side spans no row, so its quotient is not used
    crosses = ((y < ay) != (y < by)) & (x < ax + (y - ay) * ((bx - ax) / rise))  # (M, H, W)
    inside = np.logical_xor.reduce(crosses, axis=0)
    return np.where(inside, np.float32(-1), np.float32(1)) * to_segments(x, y, sides)


def regular(corners: int, inner: float = 1.0) -> Floats:
    """The corners of a regular polygon in the unit circle; `inner` < 1 adds a notch in each side: a star. (M, 2)"""
    count = corners if inner == 1.0 else 2 * corners
    angles = 2 * math.pi * np.arange(count) / count - math.pi / 2
    radii = np.where(np.arange(count) % 2 == 0, 1.0, inner)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).astype(np.float32)


def turned(points: Floats, angle: float) -> Floats:
    """Points (M, 2) turned about the origin by `angle` radians, clockwise on the screen (y points down)."""
    cos, sin = math.cos(angle), math.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]], dtype=np.float32)
