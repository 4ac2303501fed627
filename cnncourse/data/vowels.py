"""Vowels: ten American English ones, synthesised, as waveforms and as spectrogram images.

No recorded speech can be downloaded here. A vowel is the easiest of speech to synthesise (Fant 1960, *Acoustic Theory
of Speech Production*): the vocal folds give pulses at the pitch, and the tube from there to the lips rings at its
resonances, the formants, which say what vowel it is. Pulses are Rosenberg's (1971, doi:10.1121/1.1912389), formants
the men's means of Peterson & Barney (1952, doi:10.1121/1.1906875, table II), each multiplied by a factor for the
length of the speaker's vocal tract and varied a little.

Limits: steady vowels without consonants, one dialect's means of seventy years ago, one voice quality, Gaussian noise.
Scores say nothing about speech recognition. The lesson is that a spectrogram is an image whose two axes do not mean
the same: moved in time it is the same vowel, moved in frequency it is not, or is another speaker's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from cnncourse.data._rendered import count_and_seed, random_numbers, split_number

RATE = 8000  # samples a second
SAMPLES = 2240  # 0.28 s
WINDOW, HOP = 256, 64  # samples: 32 ms and 8 ms
# Vowel, a word with it, and the men's mean formants F1, F2, F3 in Hz (Peterson & Barney 1952, table II).
_TABLE = (
    ("i", "heed", 270, 2290, 3010),
    ("ɪ", "hid", 390, 1990, 2550),
    ("ɛ", "head", 530, 1840, 2480),
    ("æ", "had", 660, 1720, 2410),
    ("ɑ", "hod", 730, 1090, 2440),
    ("ɔ", "hawed", 570, 840, 2410),
    ("ʊ", "hood", 440, 1020, 2240),
    ("u", "who'd", 300, 870, 2240),
    ("ʌ", "hud", 640, 1190, 2390),
    ("ɝ", "heard", 490, 1350, 1690),
)
VOWELS = tuple(row[0] for row in _TABLE)
VOWEL_WORDS = tuple(row[1] for row in _TABLE)
FORMANTS = np.array([row[2:] for row in _TABLE], dtype=float)  # (10, 3), Hz
FORMANTS.flags.writeable = False
_BANDWIDTHS = np.array([60.0, 90.0, 150.0])  # Hz: how quickly each resonance dies away
# Factors on all formants: 1 is the men's mean, 1.15 about the women's, 1.3 about the children's.
TRACT_SCALES = {"train": (0.90, 1.15), "test": (0.90, 1.15), "held_out": (1.15, 1.30)}


@dataclass(frozen=True, eq=False)
class Vowels(Dataset[tuple[Tensor, Tensor]]):
    """Log-spectrograms and labels (N,), places in `VOWELS`. A torch `Dataset` of (spectrogram, label).

    `images` (N, 1, 128, 32) in [0, 1]: row k is the frequency 31.25 k Hz (low ones first: flip the rows to look at it),
    a column is 8 ms; 1 is the loudest point of the recording, 0 is 60 dB below or less.
    `waveforms` (N, 2240) in [−1, 1], 8,000 samples a second. `scales` and `pitches` (N,): the speaker's factor on the
    formants, and the mean pitch in Hz.
    """

    images: Tensor
    labels: Tensor
    waveforms: Tensor
    scales: Tensor
    pitches: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]

    def __repr__(self) -> str:
        return f"Vowels({len(self)} spectrograms of {tuple(self.images.shape[1:])})"


def vowels(
    split: str = "train", count: int = 1000, seed: int = 0, *, spread: float = 0.05, noise: float = 0.05
) -> Vowels:
    """`count` vowels of `split`: "train"; "test", other speakers like them; or "held_out", shorter vocal tracts.

    Formants are the table's times a factor drawn from `TRACT_SCALES[split]`, times 1 + Gaussian noise of standard
    deviation `spread` each. The pitch is drawn from 90 … 250 Hz (log-uniform, independent of the vowel) and glides by
    up to ±15 %. White noise has a standard deviation of up to `noise` times the waveform's peak.

    Raises ValueError and TypeError for arguments outside their ranges.
    """
    part = split_number("vowels", split, tuple(TRACT_SCALES))
    count, seed = count_and_seed("vowels", count, seed)
    for name, value in (("spread", spread), ("noise", noise)):
        if not 0 <= value <= 0.3:
            raise ValueError(f"vowels: {name} is {value!r}; expected 0 <= {name} <= 0.3")
    rng = random_numbers("vowels", part, seed)
    labels = rng.integers(len(VOWELS), size=count)
    scales = rng.uniform(*TRACT_SCALES[split], count)
    formants = FORMANTS[labels] * scales[:, None] * (1 + spread * rng.standard_normal((count, 3)))
    pitches = np.exp(rng.uniform(np.log(90), np.log(250), count))
    waves = _ring(_pulses(rng, pitches), formants)
    waves /= np.abs(waves).max(axis=1, keepdims=True)
    waves += rng.uniform(0, noise, (count, 1)) * rng.standard_normal(waves.shape)
    waves /= np.abs(waves).max(axis=1, keepdims=True)
    return Vowels(
        torch.from_numpy(log_spectrogram(waves)[:, None]),
        torch.from_numpy(labels),
        torch.from_numpy(waves.astype(np.float32)),
        torch.from_numpy(scales),
        torch.from_numpy(pitches),
    )


def _pulses(rng: np.random.Generator, pitches: NDArray[np.float64]) -> NDArray[np.float64]:
    """The flow through the vocal folds, differentiated as the lips do it: (N, samples).

    In each period the glottis opens for 40 % of the time, closes in 16 %, and stays shut (Rosenberg's pulse made of
    two pieces of cosine).
    """
    count = len(pitches)
    when = np.linspace(-1, 1, SAMPLES)
    glide = 1 + rng.uniform(-0.15, 0.15, (count, 1)) * when
    phase = np.cumsum(pitches[:, None] * glide / RATE, axis=1) + rng.uniform(0, 1, (count, 1))
    phase %= 1.0
    opening = 0.5 * (1 - np.cos(np.pi * phase / 0.40))
    closing = np.cos(0.5 * np.pi * (phase - 0.40) / 0.16)
    flow = np.where(phase < 0.40, opening, np.where(phase < 0.56, closing, 0.0))
    return np.diff(flow, axis=1, prepend=flow[:, :1])


def _ring(source: NDArray[np.float64], formants: NDArray[np.float64]) -> NDArray[np.float64]:
    """The source through three resonances in a row, multiplied in the frequency domain.

    A resonance at F of bandwidth B is y[n] = a x[n] + b y[n−1] + c y[n−2] with c = −exp(−2πB/rate), b = 2
    exp(−πB/rate) cos(2πF/rate), a = 1 − b − c (Klatt 1980, doi:10.1121/1.383940), so H(z) = a / (1 − b/z − c/z²). The
    zeros behind the source leave the ringing room to end, so that none comes round to the beginning.
    """
    length = 2 * source.shape[1]
    z = np.exp(2j * np.pi * np.arange(length // 2 + 1) / length)
    spectrum = np.fft.rfft(source, length)
    for number, bandwidth in enumerate(_BANDWIDTHS):
        decay = np.exp(-np.pi * bandwidth / RATE)
        b = 2 * decay * np.cos(2 * np.pi * formants[:, number, None] / RATE)
        c = -(decay**2)
        spectrum = spectrum * (1 - b - c) / (1 - b / z - c / z**2)
    heard: NDArray[np.float64] = np.fft.irfft(spectrum, length)[:, : source.shape[1]]
    return heard


def log_spectrogram(waves: NDArray[np.floating]) -> NDArray[np.float32]:
    """Power in dB over frequency and time, from 60 dB below the loudest point (0) to the loudest (1): (N, 128, frames).

    Frames are 32 ms under a Hann window, 8 ms apart; a waveform shorter than one frame raises ValueError.
    """
    if waves.ndim != 2 or waves.shape[1] < WINDOW:
        raise ValueError(f"log_spectrogram: waves have shape {waves.shape}; expected (N, samples >= {WINDOW})")
    frames = np.lib.stride_tricks.sliding_window_view(waves, WINDOW, axis=1)[:, ::HOP]  # (N, frames, 256)
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW))[..., : WINDOW // 2]) ** 2
    loudest = power.max(axis=(1, 2), keepdims=True)
    decibels = 10 * np.log10(np.maximum(power, 1e-12 * loudest) / np.maximum(loudest, 1e-300))
    image: NDArray[np.float32] = np.clip(1 + decibels / 60, 0, 1).astype(np.float32).swapaxes(1, 2)
    return image
