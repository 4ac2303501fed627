"""Vowels: the formants are where the table says, the pitch is right, spectrograms are those of the waveforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from cnncourse.data import FORMANTS, VOWEL_WORDS, VOWELS, Vowels, log_spectrogram, vowels
from cnncourse.data.vowels import RATE, SAMPLES, TRACT_SCALES, _pulses, _ring


def test_form_and_range() -> None:
    data = vowels(count=40)
    assert tuple(data.images.shape) == (40, 1, 128, 32)
    assert data.images.dtype == data.waveforms.dtype == torch.float32
    assert tuple(data.waveforms.shape) == (40, SAMPLES)
    assert float(data.images.min()) == 0
    assert bool((data.images.amax((1, 2, 3)) == 1).all()), "the loudest point"
    assert bool((data.waveforms.abs().amax(1) == 1).all())
    assert len(VOWELS) == len(VOWEL_WORDS) == len(FORMANTS) == 10


def test_the_table_is_the_published_one() -> None:
    assert FORMANTS[VOWELS.index("i")].tolist() == [270, 2290, 3010]
    assert FORMANTS[VOWELS.index("ɑ")].tolist() == [730, 1090, 2440]
    assert FORMANTS[VOWELS.index("u")].tolist() == [300, 870, 2240]
    assert VOWEL_WORDS[int(FORMANTS[:, 2].argmin())] == "heard", "the r lowers F3"
    with pytest.raises(ValueError, match="read-only"):
        FORMANTS[0, 0] = 1


@pytest.mark.parametrize("vowel", range(10))
def test_the_filter_rings_at_the_formants(vowel: int) -> None:
    """Given one pulse, the spectrum has peaks at F1, F2, F3, within half a bandwidth and a neighbour's slope."""
    pulse = np.zeros((1, 4096))
    pulse[0, 0] = 1
    spectrum = np.abs(np.fft.rfft(_ring(pulse, FORMANTS[[vowel]])[0]))
    hertz = np.arange(len(spectrum)) * RATE / 4096
    peaks = hertz[1:-1][(spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:])]
    for formant in FORMANTS[vowel]:
        assert np.abs(peaks - formant).min() < 60, (peaks, formant)


def test_the_filter_is_the_difference_equation() -> None:
    """Multiplying spectra gives what the recursion gives, sample by sample."""
    source, formants = np.random.default_rng(0).standard_normal((1, 300)), FORMANTS[[3]]
    y = source[0]
    for formant, bandwidth in zip(formants[0], (60.0, 90.0, 150.0), strict=True):
        decay = np.exp(-np.pi * bandwidth / RATE)
        b, c = 2 * decay * np.cos(2 * np.pi * formant / RATE), -(decay**2)
        out = np.zeros(300)
        for n in range(300):
            out[n] = (1 - b - c) * y[n] + b * out[n - 1] * (n > 0) + c * out[n - 2] * (n > 1)
        y = out
    # What rings on after 600 samples comes round: exp(−π · 60 / 8000 · 600) of it, so not to the last digit.
    assert np.abs(_ring(source, formants)[0] - y).max() < 1e-2 * np.abs(y).max()


def test_the_pitch_is_the_one_asked_for() -> None:
    pitches = np.array([100.0, 180.0, 240.0])
    flow = _pulses(np.random.default_rng(0), pitches)
    for wave, pitch in zip(flow, pitches, strict=True):
        middle = wave[SAMPLES // 2 - 400 : SAMPLES // 2 + 400]
        echo = np.correlate(middle, middle, "full")[800:]
        period = 25 + int(echo[25:110].argmax()) + 1
        assert RATE / period == pytest.approx(pitch, rel=0.04)


def test_spectrograms_are_those_of_the_waveforms() -> None:
    data = vowels(count=3)
    again = log_spectrogram(data.waveforms.double().numpy())
    assert np.abs(again - data.images[:, 0].numpy()).max() < 1e-3  # the waveforms are rounded to float32
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLES) / RATE)[None]
    assert set(log_spectrogram(tone)[0].argmax(axis=0).tolist()) == {32}  # 1000 / 31.25
    with pytest.raises(ValueError, match=r"waves have shape \(1, 10\); expected"):
        log_spectrogram(np.zeros((1, 10)))


def test_splits_have_their_speakers() -> None:
    for split, (low, high) in TRACT_SCALES.items():
        data = vowels(split, count=200)
        assert low <= float(data.scales.min()) < float(data.scales.max()) <= high
        assert 90 <= float(data.pitches.min()) < float(data.pitches.max()) <= 250
    assert TRACT_SCALES["held_out"][0] >= TRACT_SCALES["train"][1]


def mean_spectra(data: Vowels) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return data.images.mean(3).flatten(1).numpy()


def test_spectra_tell_the_vowels_and_shorter_tracts_are_harder() -> None:
    """A linear classifier on mean spectra; chance is 0.1. Measured: other speakers 0.92, shorter tracts 0.53."""
    train, test, held_out = (vowels(split, count=800) for split in TRACT_SCALES)
    model = LogisticRegression(max_iter=1000).fit(mean_spectra(train), train.labels)
    same, other = (model.score(mean_spectra(data), data.labels) for data in (test, held_out))
    assert same > 0.85
    assert 0.3 < other < same - 0.2


@pytest.mark.parametrize("options", [{"spread": -0.1}, {"noise": 0.5}])
def test_bad_options(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"vowels: (spread|noise) is .*; expected 0 <= "):
        vowels(count=1, **options)
