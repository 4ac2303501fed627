"""Training: one plain loop, and what goes round it."""

from cnncourse.device import seed_everything
from cnncourse.train.augment import colour_axes, colour_cast, compose, crop, cutout, flip, geometric, jitter
from cnncourse.train.checkpoint import BadCheckpoint
from cnncourse.train.fit import fit
from cnncourse.train.history import History
from cnncourse.train.measure import accuracy, evaluate, predict
from cnncourse.train.schedules import RateTest, cosine, find_rate, one_cycle, step_decay, warmup
from cnncourse.train.search import Search, Trial, choice, integers, log_uniform, random_search, uniform
from cnncourse.train.sgd import SGD

__all__ = [
    "SGD",
    "BadCheckpoint",
    "History",
    "RateTest",
    "Search",
    "Trial",
    "accuracy",
    "choice",
    "colour_axes",
    "colour_cast",
    "compose",
    "cosine",
    "crop",
    "cutout",
    "evaluate",
    "find_rate",
    "fit",
    "flip",
    "geometric",
    "integers",
    "jitter",
    "log_uniform",
    "one_cycle",
    "predict",
    "random_search",
    "seed_everything",
    "step_decay",
    "uniform",
    "warmup",
]
