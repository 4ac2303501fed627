"""Real inputs that need no network: photographs and digits that lie inside the wheels of the course's libraries."""

from __future__ import annotations

from cnncourse.data.digits import Digits, digits
from cnncourse.data.patches import Patches, patches
from cnncourse.data.photos import Photo, load_photo, photos

__all__ = ["Digits", "Patches", "Photo", "digits", "load_photo", "patches", "photos"]
