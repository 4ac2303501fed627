"""Training: one plain loop, and what goes round it."""

from cnncourse.train.augment import jitter
from cnncourse.train.fit import History, accuracy, fit

__all__ = ["History", "accuracy", "fit", "jitter"]
