"""Sentences: the label follows from the written rules, splits keep what they promise, word order matters."""

from __future__ import annotations

import re

import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from cnncourse.data import VOCABULARY, encode, sentences
from cnncourse.data.sentences import ADJECTIVES, DEGREES, LONGEST, NEGATIONS, NEW_NOUNS, NOUNS, PLAIN_ADJECTIVES, VERBS


def clause_value(text: str) -> float:
    """The rules for a clause, read from its text: the feeling word, times the degree, times −1/2 behind a negation."""
    words = text.split()
    (feeling,) = [word for word in words if word in ADJECTIVES or word in VERBS]
    value = ADJECTIVES.get(feeling) or VERBS[feeling]
    for word in words:
        value *= DEGREES.get(word, 1)
        value *= -0.5 if word in NEGATIONS else 1
    return value


def value_of(text: str) -> float:
    """The rules for a sentence, read from its text."""

    def total(part: str) -> float:
        return sum(clause_value(clause) for clause in part.split(" and "))

    if text.startswith("although "):
        conceded, main = text.removeprefix("although ").split(" , ")
    elif " although " in text:
        main, conceded = text.split(" although ")
    elif " but " in text:
        conceded, main = text.split(" but ")
    else:
        return total(text)
    return total(main) + total(conceded) / 4


@pytest.mark.parametrize("split", ["train", "test", "held_out"])
def test_values_and_labels_follow_from_the_text(split: str) -> None:
    data = sentences(split, count=600)
    for text, value, label in zip(data.texts, data.values.tolist(), data.labels.tolist(), strict=True):
        assert value == pytest.approx(value_of(text)), text
        assert value != 0
        assert label == (value > 0)
    assert 0.4 < float(data.labels.float().mean()) < 0.6


def test_by_hand() -> None:
    assert value_of("the plot is not very good") == -0.75
    assert value_of("although the plot is good , the cast was bad") == -0.75
    assert value_of("we love the film and the music is dull but the ending is not terrible") == 1.25


def test_numbers_are_the_words() -> None:
    data = sentences(count=50)
    assert data.ids.dtype == torch.int64
    assert tuple(data.ids.shape) == (50, LONGEST)
    for row, text in zip(data.ids.tolist(), data.texts, strict=True):
        words = [VOCABULARY[number] for number in row if number]
        assert " ".join(words) == text
        assert row[len(words) :] == [0] * (LONGEST - len(words))
    assert encode("The plot, the zebra") == [*encode("the plot ,"), encode("the")[0], 1]
    assert data.images is data.ids
    assert tuple(sentences(count=2, length=40).ids.shape) == (2, 40)


def test_training_and_test_share_no_sentence() -> None:
    train, test = set(sentences("train").texts), set(sentences("test", count=1500).texts)
    assert not train & test
    assert len(train) > 4500


def test_what_is_held_out_is_not_in_training() -> None:
    known = " ".join((*sentences("train").texts, *sentences("test", count=1000).texts))
    held = sentences("held_out", count=500)
    text = " ".join(held.texts)
    for noun in NEW_NOUNS:
        assert noun not in known
        assert noun in text
    assert not any(noun in text.split() for noun in NOUNS)
    assert int((held.ids == 1).sum(1).min()) >= 1, "<unk>"
    assert not bool((sentences("test", count=500).ids == 1).any())
    before = rf"({'|'.join((*NEGATIONS, *DEGREES))}) ({'|'.join(PLAIN_ADJECTIVES)})\b"
    assert not re.search(before, known)
    assert re.search(before, text)
    assert all(" and " in sentence for sentence in held.texts)
    assert not any(" and " in sentence and (" but " in sentence or "although" in sentence) for sentence in
                   sentences("train", count=500).texts)  # fmt: skip


def test_counting_words_is_not_enough_and_neighbours_help() -> None:
    """Logistic regression on counts. Measured on "test": single words 0.60, up to three in a row 0.84."""
    train, test = sentences("train", count=4000), sentences("test", count=1000)
    scores = []
    for longest in (1, 3):
        count = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, longest), binary=True)
        model = LogisticRegression(max_iter=2000).fit(count.fit_transform(train.texts), train.labels)
        scores.append(model.score(count.transform(test.texts), test.labels))
    assert scores[0] < 0.66
    assert scores[1] > 0.78


def test_bad_length() -> None:
    with pytest.raises(ValueError, match="sentences: length is 23"):
        sentences(count=1, length=23)
