"""Real inputs that lie inside the wheels of the course's libraries, and rendered ones: nothing here needs a network."""

from __future__ import annotations

from cnncourse.data.clips import MOTIONS, Clips, clips
from cnncourse.data.digits import Digits, digits
from cnncourse.data.glyphs import FACES, GLYPHS, Glyphs, glyphs
from cnncourse.data.go import Board, board_from, point
from cnncourse.data.go_positions import GO_PLANES, GoPositions, go_planes, go_positions, go_symmetry, teacher_move
from cnncourse.data.patches import Patches, patches
from cnncourse.data.photos import Photo, load_photo, photos
from cnncourse.data.scenes import SCENE_CLASSES, SCENE_JOINTS, SCENE_SKELETON, Scenes, scenes
from cnncourse.data.sentences import VOCABULARY, Sentences, encode, sentences
from cnncourse.data.styles import STYLES, style
from cnncourse.data.vowels import FORMANTS, VOWEL_WORDS, VOWELS, Vowels, log_spectrogram, vowels

__all__ = [
    "FACES",
    "FORMANTS",
    "GLYPHS",
    "GO_PLANES",
    "MOTIONS",
    "SCENE_CLASSES",
    "SCENE_JOINTS",
    "SCENE_SKELETON",
    "STYLES",
    "VOCABULARY",
    "VOWELS",
    "VOWEL_WORDS",
    "Board",
    "Clips",
    "Digits",
    "Glyphs",
    "GoPositions",
    "Patches",
    "Photo",
    "Scenes",
    "Sentences",
    "Vowels",
    "board_from",
    "clips",
    "digits",
    "encode",
    "glyphs",
    "go_planes",
    "go_positions",
    "go_symmetry",
    "load_photo",
    "log_spectrogram",
    "patches",
    "photos",
    "point",
    "scenes",
    "sentences",
    "style",
    "teacher_move",
    "vowels",
]
