"""Lesson 01, convolution: one file an exercise."""

from cnncourse.checks.convolution import (
    conv2d,
    conv2d_bias,
    conv2d_input,
    conv2d_weight,
    conv_matrix,
    convolve,
    equivariance_error,
    output_size,
    receptive_field,
)
from cnncourse.checks.core import Lesson

LESSON = Lesson(
    name="01_convolution",
    version="1.0",
    exercises=(
        output_size.EXERCISE,
        convolve.EXERCISE,
        conv2d.EXERCISE,
        conv2d_input.EXERCISE,
        conv2d_weight.EXERCISE,
        conv2d_bias.EXERCISE,
        conv_matrix.EXERCISE,
        equivariance_error.EXERCISE,
        receptive_field.EXERCISE,
    ),
    withheld=("cnncourse.layers", "cnncourse.receptive", "cnncourse.swapping"),
    questions=("question_flip", "question_stride"),
)
