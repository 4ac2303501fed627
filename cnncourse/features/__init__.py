"""Features that people designed before networks learned them, and that are fixed convolutional pipelines all the same.

Each is filter, rectify, pool, normalise, with filters from a person's head. They take images (N, C, H, W) or one
(C, H, W) with pixels in [0, 1], floating, on any device, and are differentiable wherever they are not a choice of bin.

    >>> hog(photo, pixels_per_cell=(8, 8))                       # one vector an image
    >>> maps = dense_descriptors(photo)                          # (N, 128, H', W')
    >>> words = fit_words(maps, 64)                              # (64, 128)
    >>> spatial_pyramid(visual_words(maps, words), levels=3)     # (N, 64 × 21)
"""

from cnncourse.features.color import color_histogram, hue_histogram, opponent
from cnncourse.features.descriptors import dense_descriptors, oriented_filters, oriented_responses
from cnncourse.features.gradients import image_gradients
from cnncourse.features.hog import hog
from cnncourse.features.pyramid import spatial_pyramid
from cnncourse.features.words import fit_words, visual_words

__all__ = [
    "color_histogram",
    "dense_descriptors",
    "fit_words",
    "hog",
    "hue_histogram",
    "image_gradients",
    "opponent",
    "oriented_filters",
    "oriented_responses",
    "spatial_pyramid",
    "visual_words",
]
