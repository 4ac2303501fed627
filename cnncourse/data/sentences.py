"""Sentences of a small review language whose feeling is composed from its parts by written rules. Rendered, as it were.

No text collection can be shipped or downloaded here. A grammar can be: it says what negation, *very* and *but* do, so
the true answer is known, and it is known too what a model has to see. Who only counts words cannot tell "not good,
but funny" from "good, but not funny". A filter of width 3 sees "not very good" as one thing. That is the lesson (Kim
2014, doi:10.3115/v1/D14-1181).

Limits: some dozen words, no irony, no reference, no world. A model that solves this knows the grammar of this file,
not English.

The rules, value > 0 is positive:

- an adjective is ±1 or ±2 (strong); a verb of liking ±1 or ±2
- *slightly* halves, *very* makes it 1.5 times, *extremely* twice the value of the adjective that follows
- *not*, *never*, *hardly* turn the value round and halve it: "not terrible" is mildly positive
- "A and B" is A + B; "A but B", "although A, B" and "B although A" are B + A/4: the concession hardly counts
- a sentence of value 0 is not used
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cnncourse.data._rendered import count_and_seed, random_numbers, split_number
from cnncourse.errors import whole

ADJECTIVES = {
    **dict.fromkeys(("brilliant", "superb", "wonderful", "excellent", "thrilling"), 2.0),
    **dict.fromkeys(("good", "nice", "charming", "fresh", "clever", "funny"), 1.0),
    **dict.fromkeys(("terrible", "awful", "dreadful", "horrible", "unbearable"), -2.0),
    **dict.fromkeys(("bad", "dull", "weak", "boring", "clumsy", "stale"), -1.0),
}
VERBS = {
    "love": 2.0,
    "admire": 2.0,
    "like": 1.0,
    "enjoy": 1.0,
    "hate": -2.0,
    "detest": -2.0,
    "dislike": -1.0,
    "regret": -1.0,
}
DEGREES = {"slightly": 0.5, "very": 1.5, "extremely": 2.0}
NEGATIONS = ("not", "never", "hardly")
NEGATED = -0.5
CONCEDED = 0.25
NOUNS = ("film", "plot", "acting", "music", "ending", "cast", "story", "hero", "dialogue", "camera")
LINKS = ("is", "was", "seems", "feels")
PEOPLE = ("we", "they", "critics", "children")
# What training never shows: some nouns (they become <unk>), some adjectives behind a negation or a degree, and the
# longer patterns.
NEW_NOUNS = ("scenery", "humour", "editing")
PLAIN_ADJECTIVES = ("superb", "charming", "awful", "dull")
PATTERNS = {
    "train": ("A", "A and B", "A but B", "although A , B", "B although A"),
    "held_out": ("A and B but C", "although A , B and C", "A but B and C"),
}
PADDING, UNKNOWN = 0, 1
_LINKING = {"and", "but", "although", ",", "the", "do"}
VOCABULARY = (
    "<pad>",
    "<unk>",
    *sorted({*ADJECTIVES, *VERBS, *DEGREES, *NEGATIONS, *NOUNS, *LINKS, *PEOPLE, *_LINKING}),
)
LONGEST = 24  # words in the longest sentence of any pattern
_NUMBER = {word: number for number, word in enumerate(VOCABULARY)}
_SPLITS = ("train", "test", "held_out")
_TEST_SHARE = 5  # one sentence in five is for the test


@dataclass(frozen=True, eq=False)
class Sentences(Dataset[tuple[Tensor, Tensor]]):
    """Word numbers (N, L) int64, places in `VOCABULARY`, filled up with 0, and labels (N,): 1 positive, 0 negative.

    `values` (N,) is the composed feeling whose sign is the label; `texts` the sentences. A torch `Dataset` of
    (numbers, label).
    """

    ids: Tensor
    labels: Tensor
    values: Tensor
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return self.ids.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.ids[index], self.labels[index]

    def __repr__(self) -> str:
        return f"Sentences({len(self)} of up to {self.ids.shape[1]} words)"

    @property
    def images(self) -> Tensor:
        """`ids`, under the name by which `cnncourse.train.fit` takes a data set's inputs."""
        return self.ids


def sentences(split: str = "train", count: int = 5000, seed: int = 0, *, length: int = LONGEST) -> Sentences:
    """`count` sentences of `split`, L = `length` (≥ 24) words with the padding.

    "train" and "test" have the same words and patterns and no sentence in common (a checksum of the text decides
    where it belongs). "held_out" has only patterns that training does not have, nouns that it does not have
    (`<unk>`), and behind negations and degrees only adjectives that training shows without them.

    Raises ValueError and TypeError for arguments outside these ranges.
    """
    part = split_number("sentences", split, _SPLITS)
    count, seed = count_and_seed("sentences", count, seed)
    length = whole("sentences: length", length, LONGEST)
    rng = random_numbers("sentences", part, seed)
    texts: list[str] = []
    values: list[float] = []
    while len(texts) < count:
        words, value = _sentence(rng, split == "held_out")
        text = " ".join(words)
        if value != 0 and (split == "held_out" or _for_test(text) == (split == "test")):
            texts.append(text)
            values.append(value)
    ids = np.full((count, length), PADDING)
    for row, text in zip(ids, texts, strict=True):
        numbers = encode(text)
        row[: len(numbers)] = numbers
    value_of = torch.tensor(values, dtype=torch.float32)
    return Sentences(torch.from_numpy(ids), (value_of > 0).long(), value_of, tuple(texts))


def encode(text: str) -> list[int]:
    """The numbers of a sentence's words (lower case, a comma is a word); 1 for a word that is not in `VOCABULARY`."""
    return [_NUMBER.get(word, UNKNOWN) for word in text.lower().replace(",", " , ").split()]


@lru_cache(maxsize=1 << 16)
def _for_test(text: str) -> bool:
    return zlib.crc32(text.encode()) % _TEST_SHARE == 0


def _sentence(rng: np.random.Generator, held_out: bool) -> tuple[list[str], float]:
    """A pattern with its clauses filled in, and the value of the whole."""
    pattern = _pick(rng, PATTERNS["held_out" if held_out else "train"])
    clauses = {letter: _clause(rng, held_out) for letter in "ABC" if letter in pattern.split()}
    words: list[str] = []
    for word in pattern.split():
        words += clauses[word][0] if word in clauses else [word]
    return words, _composed(pattern, {letter: value for letter, (_, value) in clauses.items()})


def _composed(pattern: str, values: dict[str, float]) -> float:
    """The rule for whole sentences. What follows *but*, or what *although* does not govern, is the main part."""
    if " although " in pattern:
        main, conceded = pattern.split(" although ")
    elif pattern.startswith("although "):
        conceded, main = pattern.removeprefix("although ").split(" , ")
    else:
        *before, main = pattern.split(" but ")
        conceded = "".join(before)
    total = sum(values[letter] for letter in main.split() if letter in values)
    return total + CONCEDED * sum(values[letter] for letter in conceded.split() if letter in values)


def _clause(rng: np.random.Generator, held_out: bool) -> tuple[list[str], float]:
    """One clause, "the plot was not very good" or "critics do not love the plot", and its value."""
    noun = _pick(rng, NEW_NOUNS if held_out else NOUNS)
    negated = rng.random() < 0.4
    factor = NEGATED if negated else 1.0
    negation = [_pick(rng, NEGATIONS)] if negated else []
    if rng.random() < 0.25:
        verb = _pick(rng, tuple(VERBS))
        helper = ["do"] if negation == ["not"] else []
        return [_pick(rng, PEOPLE), *helper, *negation, verb, "the", noun], factor * VERBS[verb]
    degree = [_pick(rng, tuple(DEGREES))] if rng.random() < 0.4 else []
    adjective = _pick(rng, _adjectives(held_out, plain=not negation and not degree))
    value = factor * (DEGREES[degree[0]] if degree else 1.0) * ADJECTIVES[adjective]
    return ["the", noun, _pick(rng, LINKS), *negation, *degree, adjective], value


def _adjectives(held_out: bool, plain: bool) -> tuple[str, ...]:
    if plain:
        return tuple(ADJECTIVES)
    return PLAIN_ADJECTIVES if held_out else tuple(word for word in ADJECTIVES if word not in PLAIN_ADJECTIVES)


def _pick(rng: np.random.Generator, among: tuple[str, ...]) -> str:
    return among[int(rng.integers(len(among)))]
