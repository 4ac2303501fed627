"""Lesson 03, training: one file an exercise."""

from cnncourse.checks.core import Lesson
from cnncourse.checks.training import (
    batch_norm,
    batch_norm_backward,
    crop,
    cross_entropy,
    cross_entropy_grad,
    dropout,
    flip,
    graph_backward,
    graph_forward,
    graph_order,
    running_statistics,
    sgd_step,
)

LESSON = Lesson(
    name="03_training",
    version="1.0",
    exercises=(
        graph_order.EXERCISE,
        graph_forward.EXERCISE,
        graph_backward.EXERCISE,
        cross_entropy.EXERCISE,
        cross_entropy_grad.EXERCISE,
        sgd_step.EXERCISE,
        dropout.FORWARD_EXERCISE,
        dropout.BACKWARD_EXERCISE,
        batch_norm.EXERCISE,
        running_statistics.EXERCISE,
        batch_norm_backward.EXERCISE,
        flip.EXERCISE,
        crop.EXERCISE,
    ),
    withheld=("cnncourse.layers", "cnncourse.train"),
    questions=("question_modes", "question_reverse"),
)
