"""Lesson 05, transfer: one file an exercise."""

from cnncourse.checks.core import Lesson
from cnncourse.checks.transfer import (
    cheapest,
    feature_cache,
    frozen,
    low_rank,
    parameter_groups,
    rank_for,
    replace_head,
    training_work,
)

LESSON = Lesson(
    name="05_transfer",
    version="1.0",
    exercises=(
        replace_head.EXERCISE,
        feature_cache.EXERCISE,
        training_work.EXERCISE,
        frozen.EXERCISE,
        parameter_groups.EXERCISE,
        cheapest.EXERCISE,
        low_rank.EXERCISE,
        rank_for.RANK_EXERCISE,
        rank_for.EVEN_EXERCISE,
    ),
    withheld=("cnncourse.compress", "cnncourse.experiments", "cnncourse.train"),
    questions=("question_four_fields", "question_old_task"),
)
