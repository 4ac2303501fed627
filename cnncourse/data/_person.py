"""The stick person of the scenes: a skeleton of 14 joints that takes random poses and never confuses left and right.

The joints are those of Johnson & Everingham's Leeds Sports Pose (2010, doi:10.5244/C.24.12), with the centre of the
head in place of its top. The person faces us, so their right hand is at the left of the image.
"""

from __future__ import annotations

import math

import numpy as np

from cnncourse.data._shapes import Floats, turned

JOINTS = (
    "head",
    "neck",
    "right shoulder",
    "right elbow",
    "right wrist",
    "left shoulder",
    "left elbow",
    "left wrist",
    "right hip",
    "right knee",
    "right ankle",
    "left hip",
    "left knee",
    "left ankle",
)
_TRUNK = ((0, 1), (1, 2), (1, 5), (2, 8), (5, 11), (8, 11))
_LIMBS = ((2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13))
SKELETON = _TRUNK + _LIMBS
HEAD_RADIUS = 0.085  # lengths are in heights of the standing person
LIMB = 0.028  # half of a limb's thickness


def pose(rng: np.random.Generator) -> Floats:
    """The joints (14, 2) of a random pose, height 1, the hips' middle at the origin, y down.

    Arms and legs swing outwards from their own side only, so that a picture tells left from right.
    """
    joints = {"head": (0.0, -0.44), "neck": (0.0, -0.32)}
    for name, side in (("right", -1), ("left", 1)):
        upper = math.radians(rng.uniform(10, 150))  # from hanging straight down, outwards
        fore = upper + math.radians(rng.uniform(-15, 100))
        thigh = math.radians(rng.uniform(2, 45))
        shin = thigh * rng.uniform(-0.3, 1.0)
        joints[f"{name} shoulder"] = shoulder = (side * 0.10, -0.29)
        joints[f"{name} elbow"] = elbow = _step(shoulder, side, upper, 0.16)
        joints[f"{name} wrist"] = _step(elbow, side, fore, 0.15)
        joints[f"{name} hip"] = hip = (side * 0.065, 0.0)
        joints[f"{name} knee"] = knee = _step(hip, side, thigh, 0.22)
        joints[f"{name} ankle"] = _step(knee, side, shin, 0.22)
    points = np.array([joints[name] for name in JOINTS], dtype=np.float32)
    return turned(points, math.radians(rng.uniform(-15, 15)))


def _step(start: tuple[float, float], side: int, angle: float, length: float) -> tuple[float, float]:
    return start[0] + side * length * math.sin(angle), start[1] + length * math.cos(angle)
