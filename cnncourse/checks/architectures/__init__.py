"""Lesson 04, architectures: one file an exercise."""

from cnncourse.checks.architectures import (
    basic_block,
    block_weights,
    bottleneck,
    conv_cost,
    dense_block,
    inception,
    inception_cost,
    stack_of_3x3,
    vgg,
    vgg_weights,
)
from cnncourse.checks.core import Lesson

LESSON = Lesson(
    name="04_architectures",
    version="1.0",
    exercises=(
        conv_cost.EXERCISE,
        stack_of_3x3.EXERCISE,
        vgg_weights.EXERCISE,
        vgg.EXERCISE,
        inception_cost.EXERCISE,
        inception.EXERCISE,
        block_weights.EXERCISE,
        basic_block.EXERCISE,
        bottleneck.EXERCISE,
        dense_block.EXERCISE,
    ),
    withheld=("cnncourse.models", "cnncourse.zoo", "cnncourse.analysis"),
    questions=("question_shortcut", "question_fits"),
)
