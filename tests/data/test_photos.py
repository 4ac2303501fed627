"""Photographs: the right pixels, resized without stripes, with no network."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from cnncourse.data import load_photo, photos
from cnncourse.data._wheels import wheel_file


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "retina", "camera", "coins", "clock"])
def test_pixels_are_those_of_scikit_image(name: str) -> None:
    import skimage.data

    expected = getattr(skimage.data, name)()
    assert np.array_equal(np.squeeze(photos()[name].image), expected)


@pytest.mark.parametrize("name", ["china", "flower"])
def test_pixels_are_those_of_scikit_learn(name: str) -> None:
    from sklearn.datasets import load_sample_image

    assert np.array_equal(photos()[name].image, load_sample_image(f"{name}.jpg"))


@pytest.mark.parametrize("name", list(photos()))
def test_every_photograph_is_there_and_says_where_it_comes_from(name: str) -> None:
    photo = photos()[name]
    assert photo.image.dtype == np.uint8
    assert photo.shape[2] == (1 if photo.gray else 3)
    assert min(photo.shape[:2]) > 150
    assert photo.image.std() > 5
    assert photo.source
    assert photo.licence
    assert photo.shows


def test_there_are_21_and_the_mapping_cannot_be_changed() -> None:
    assert len(photos()) == 21
    with pytest.raises(TypeError):
        photos()["mine"] = photos()["chelsea"]  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        photos()["chelsea"].image[0, 0, 0] = 1


def test_load_photo_is_the_image_over_255() -> None:
    x = load_photo("chelsea")
    expected = torch.tensor(photos()["chelsea"].image).permute(2, 0, 1) / 255
    torch.testing.assert_close(x, expected, rtol=0, atol=0)


def test_gray_matches_pillow() -> None:
    expected = np.asarray(Image.fromarray(photos()["chelsea"].image).convert("L")) / 255
    got = load_photo("chelsea", gray=True)[0].numpy()
    assert np.abs(got - expected).max() < 1.01 / 255  # Pillow rounds to whole grey values


def test_shrinking_matches_pillow() -> None:
    image = Image.fromarray(photos()["chelsea"].image).resize((90, 60), Image.Resampling.BILINEAR)
    got = load_photo("chelsea", size=60).permute(1, 2, 0).numpy()
    assert got.shape == (60, 90, 3)
    assert np.abs(got - np.asarray(image) / 255).max() < 1.5 / 255  # Pillow rounds after each direction


def test_shrinking_does_not_alias() -> None:
    """Shrunk grass keeps its mean and loses variance; picking every 16th pixel would keep the variance."""
    full, small = load_photo("grass", gray=True), load_photo("grass", size=32, gray=True)
    assert abs(float(full.mean() - small.mean())) < 0.01
    assert float(small.var()) < 0.3 * float(full[:, ::16, ::16].var())


@pytest.mark.parametrize(
    ("size", "shape"), [(None, (300, 451)), (50, (50, 75)), ((40, 40), (40, 40)), ((20, 90), (20, 90)), (1, (1, 2))]
)
def test_sizes(size: int | tuple[int, int] | None, shape: tuple[int, int]) -> None:
    for gray in (False, True):
        x = load_photo("chelsea", size=size, gray=gray)
        assert tuple(x.shape) == (1 if gray else 3, *shape)
        assert x.is_contiguous()
        assert 0 <= float(x.min()) <= float(x.max()) <= 1


def test_a_size_pair_cuts_the_middle_and_stretches_nothing() -> None:
    wide, square = load_photo("chelsea", size=60), load_photo("chelsea", size=(60, 60))
    torch.testing.assert_close(square, wide[:, :, 15:75], rtol=0, atol=0.02)


def test_a_gray_photograph_has_three_equal_channels() -> None:
    x = load_photo("camera", size=32)
    assert x.shape[0] == 3
    assert torch.equal(x[0], x[2])


def test_each_call_gives_a_fresh_equal_tensor() -> None:
    first = load_photo("camera", size=16)
    kept = first.clone()
    first.zero_()
    assert torch.equal(load_photo("camera", size=16), kept)
    assert load_photo("camera", size=16, dtype=torch.float64).dtype == torch.float64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "cat"}, "Did you mean 'chelsea'"),
        ({"name": "Chelsee"}, "'chelsea'"),
        ({"name": "zzzz"}, "The names: astronaut"),
        ({"name": "chelsea", "size": 0}, "size is 0; expected"),
        ({"name": "chelsea", "size": (3, 4, 5)}, "size is"),
        ({"name": "chelsea", "size": 2.5}, "size is 2.5"),
        ({"name": "chelsea", "dtype": torch.uint8}, "floating"),
        ({"name": "chelsea", "device": "nowhere"}, "nowhere"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match="(?s).*" + message.replace("(", r"\(")):
        load_photo(**arguments)  # type: ignore[arg-type]


def test_a_name_that_is_no_string() -> None:
    with pytest.raises(TypeError, match="expected a string"):
        load_photo(3)  # type: ignore[arg-type]


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"data/nothing\.png.*scikit-image"):
        wheel_file("skimage", "data/nothing.png")
    with pytest.raises(FileNotFoundError, match="not installed"):
        wheel_file("no_such_package_here", "x")


_OFFLINE = """
import socket
def refuse(*a, **k): raise SystemExit("touched the network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from cnncourse.data import digits, load_photo, photos
for name in photos(): load_photo(name, size=8)
digits("all")
from cnncourse import zoo
zoo.load("lenet_digits")
import sys
assert not {"pooch", "requests", "urllib3"} & set(sys.modules), "a downloader was imported"
print("fine")
"""


def test_everything_loads_with_sockets_blocked() -> None:
    run = subprocess.run([sys.executable, "-W", "error", "-c", _OFFLINE], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "fine", run.stderr[-800:]


def test_the_block_blocks() -> None:
    code = _OFFLINE.split("from cnncourse")[0] + "socket.create_connection(('192.0.2.1', 80))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "touched the network" in run.stderr
