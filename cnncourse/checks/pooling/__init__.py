"""Lesson 02, pooling: one file an exercise."""

from cnncourse.checks.core import Lesson
from cnncourse.checks.pooling import (
    avg_pool2d,
    avg_pool2d_backward,
    fc_to_conv,
    global_pool,
    layer_shapes,
    max_pool2d,
    max_pool2d_backward,
    pixels_seen,
    score_map,
    weights_and_units,
)

LESSON = Lesson(
    name="02_pooling",
    version="1.0",
    exercises=(
        max_pool2d.EXERCISE,
        max_pool2d_backward.EXERCISE,
        avg_pool2d.EXERCISE,
        avg_pool2d_backward.EXERCISE,
        global_pool.EXERCISE,
        fc_to_conv.EXERCISE,
        score_map.EXERCISE,
        layer_shapes.EXERCISE,
        weights_and_units.EXERCISE,
        pixels_seen.EXERCISE,
    ),
    withheld=("cnncourse.layers", "cnncourse.receptive", "cnncourse.swapping", "cnncourse.analysis"),
    questions=("question_invariance", "question_where"),
)
