"""Lesson 01, convolution: one file an exercise."""

from cnncourse.checks.convolution import output_size
from cnncourse.checks.core import Lesson

LESSON = Lesson(
    name="01_convolution",
    version="1.0",
    exercises=(output_size.EXERCISE,),
    withheld=("cnncourse.layers", "cnncourse.receptive", "cnncourse.checks"),
    questions=("question_flip", "question_cost"),
)
