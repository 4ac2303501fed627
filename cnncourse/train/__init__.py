"""Training: one plain loop, and what goes round it."""

from cnncourse.device import seed_everything
from cnncourse.train.augment import jitter
from cnncourse.train.checkpoint import BadCheckpoint
from cnncourse.train.fit import fit
from cnncourse.train.history import History
from cnncourse.train.measure import accuracy, evaluate, predict
from cnncourse.train.sgd import SGD

__all__ = [
    "SGD",
    "BadCheckpoint",
    "History",
    "accuracy",
    "evaluate",
    "fit",
    "jitter",
    "predict",
    "seed_everything",
]
