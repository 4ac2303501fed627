"""Visual words: the vocabulary of a set of descriptors, and which word stands where.

Sivic & Zisserman 2003, doi:10.1109/ICCV.2003.1238663; Csurka et al. 2004, Visual categorization with bags of keypoints.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.errors import whole
from cnncourse.features._check import need_maps
from cnncourse.layers import conv2d


def fit_words(descriptors: Tensor, count: int = 64, *, seed: int = 0, at_most: int = 20_000) -> Tensor:
    """(count, D): the centres of `count` clusters of the descriptors in maps (N, D, H, W), by k-means.

    k-means looks for centres c with small Σ min_k |d − c_k|² (scikit-learn's, one start, `seed` fixes it). Of more than
    `at_most` descriptors a random part is taken. No labels are used.

    Raises TypeError or ValueError for other shapes, and if there are fewer descriptors than words.
    """
    from sklearn.cluster import KMeans

    maps = need_maps("fit_words", "descriptors", descriptors)
    count = whole("fit_words: count", count, 1)
    at_most = whole("fit_words: at_most", at_most, 1)
    seed = whole("fit_words: seed", seed, 0)
    rows = maps.detach().movedim(1, -1).flatten(0, 2).cpu()  # (N H W, D)
    if min(len(rows), at_most) < count:
        raise ValueError(
            f"fit_words: {min(len(rows), at_most)} descriptors for {count} words; expected at least as many. "
            f"Give more images, or ask for fewer words"
        )
    if len(rows) > at_most:
        rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:at_most]]
    found = KMeans(count, n_init=1, random_state=seed % 2**32).fit(rows.double().numpy())
    return torch.from_numpy(found.cluster_centers_).to(dtype=maps.dtype, device=maps.device)


def visual_words(descriptors: Tensor, words: Tensor) -> Tensor:
    """(N, count, H, W): 1 where a word is the nearest to the descriptor there, 0 elsewhere.

    Nearest by |d − w|² = |d|² − 2 (d·w − |w|²/2): the largest of d·w + b with b = −|w|²/2. So it is a 1×1 convolution
    with the words as filters, and a maximum over channels. Of equally near words the first is taken.

    Raises TypeError or ValueError for descriptors that are not (N, D, H, W) or words that are not (count, D).
    """
    maps = need_maps("visual_words", "descriptors", descriptors)
    if not isinstance(words, Tensor) or words.ndim != 2 or words.shape[1] != maps.shape[1] or not len(words):
        got = tuple(words.shape) if isinstance(words, Tensor) else type(words).__name__
        raise ValueError(f"visual_words: words is {got}; expected (count, {maps.shape[1]}), as fit_words gives them")
    words = words.to(maps)
    scores = conv2d(maps, words[:, :, None, None], -words.square().sum(1) / 2)
    return torch.zeros_like(scores).scatter_(1, scores.argmax(1, keepdim=True), 1.0)
