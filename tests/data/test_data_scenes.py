"""Scenes: boxes, masks and joints are where the pixels are; splits share nothing; colour does not tell the class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from cnncourse.data import SCENE_CLASSES, SCENE_JOINTS, SCENE_SKELETON, Scenes, digits, photos, scenes
from cnncourse.data._backgrounds import NAMES, side_of_photo
from cnncourse.data._shapes import ink, pixel_centres, regular, to_disc, to_polygon, to_segments
from cnncourse.data.scenes import _handwritten
from cnncourse.train import fit

PERSON, DIGIT = SCENE_CLASSES.index("person"), SCENE_CLASSES.index("digit")


@pytest.fixture(scope="module")
def crowd() -> Scenes:
    return scenes("train", count=60, seed=1, min_objects=4, max_objects=8)


def box_of(mask: Tensor) -> Tensor:
    """The slow way: the extent of the True pixels, ends exclusive."""
    rows, columns = torch.nonzero(mask, as_tuple=True)
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()


def test_form(crowd: Scenes) -> None:
    assert (tuple(crowd.images.shape), crowd.images.dtype) == ((60, 3, 96, 96), torch.float32)
    assert 0 <= float(crowd.images.min()) < 0.1 < 0.9 < float(crowd.images.max()) <= 1
    for image, target in (crowd[0], crowd[59]):
        count = len(target["labels"])
        assert 4 <= count <= 8
        assert tuple(image.shape) == (3, 96, 96)
        shapes = {name: tuple(value.shape) for name, value in target.items()}
        assert shapes == {
            "boxes": (count, 4), "full_boxes": (count, 4), "labels": (count,), "visible": (count,), "digits": (count,),
            "colors": (count, 3), "keypoints": (count, 14, 3), "masks": (count, 96, 96),
        }  # fmt: skip
        kinds = {name: value.dtype for name, value in target.items()}
        assert kinds["labels"] == kinds["digits"] == torch.int64
        assert kinds["masks"] == torch.bool
        assert {kinds[name] for name in ("boxes", "full_boxes", "keypoints", "visible", "colors")} == {torch.float32}
    assert repr(crowd).startswith("Scenes(60 images of (3, 96, 96) with ")


def test_boxes_enclose_the_masks_exactly_and_masks_do_not_overlap(crowd: Scenes) -> None:
    for target in crowd.targets:
        masks, boxes, full = target["masks"], target["boxes"], target["full_boxes"]
        assert int(masks.sum(0).max()) == 1
        for mask, box in zip(masks, boxes, strict=True):
            torch.testing.assert_close(box, box_of(mask), rtol=0, atol=0)
        assert bool((full[:, :2] <= boxes[:, :2]).all() & (boxes[:, 2:] <= full[:, 2:]).all())
        assert float(full.min()) >= 0
        assert float(full.max()) <= 96


def test_visible_is_the_share_of_pixels_and_the_last_object_is_whole(crowd: Scenes) -> None:
    shares = torch.cat([target["visible"] for target in crowd.targets])
    assert float(shares.min()) >= 0.4
    assert 0.1 < float((shares < 1).float().mean()) < 0.9, "some are hidden in part, some are not"
    for target in crowd.targets:
        assert float(target["visible"][-1]) == 1.0
        torch.testing.assert_close(target["boxes"][-1], target["full_boxes"][-1], rtol=0, atol=0)


def test_whole_objects_have_the_area_of_their_shape() -> None:
    """A disc of scale 4 in 96 pixels is 48 across: π 24² pixels, and so on. Checked without the drawing code."""
    area = {"disc": np.pi * 24**2, "square": (2 * 24 * 1.15 / np.sqrt(2)) ** 2, "triangle": 0.75 * np.sqrt(3) * 30**2}
    for name, expected in area.items():
        data = scenes(count=3, max_objects=1, classes=(name,), scales=(4, 4))
        for target in data.targets:
            assert int(target["masks"].sum()) == pytest.approx(expected, rel=0.02)


def test_semantic_labels_are_the_masks_by_class(crowd: Scenes) -> None:
    semantic = crowd.semantic
    assert semantic.dtype == torch.int64
    for found, target in zip(semantic, crowd.targets, strict=True):
        expected = torch.zeros(96, 96, dtype=torch.int64)
        for mask, label in zip(target["masks"], target["labels"], strict=True):
            expected[mask] = label
        assert torch.equal(found, expected)


def test_joints_lie_on_the_person_and_say_whether_they_can_be_seen() -> None:
    data = scenes(count=40, seed=2, min_objects=2, max_objects=4, classes=("person", "disc"), scales=(2, 4))
    seen = []
    for image, target in (data[index] for index in range(len(data))):
        for mask, label, points, color in zip(
            target["masks"], target["labels"], target["keypoints"], target["colors"], strict=True
        ):
            if label != PERSON:
                assert float(points.abs().max()) == 0
                continue
            column, row = points[:, 0].long(), points[:, 1].long()
            assert torch.equal(mask[row, column], points[:, 2] == 2)
            visible = points[:, 2] == 2
            off = (image[:, row[visible], column[visible]] - color[:, None]).abs().amax(0)
            assert float(off.mean()) < 0.15, "the pixel of a visible joint has the person's colour"
            seen += points[:, 2].tolist()
    assert set(seen) == {1.0, 2.0}


def test_right_and_left_of_a_person_can_be_told_from_the_picture() -> None:
    data = scenes(count=40, seed=3, max_objects=1, classes=("person",))
    points = torch.cat([target["keypoints"] for target in data.targets])[..., 0]
    right = [name.replace("right", "left") for name in SCENE_JOINTS if name.startswith("right")]
    for name in right:
        gap = points[:, SCENE_JOINTS.index(name)] - points[:, SCENE_JOINTS.index(name.replace("left", "right"))]
        assert float(gap.min()) > 0, name
    assert len(SCENE_JOINTS) == 14
    assert {joint for bone in SCENE_SKELETON for joint in bone} == set(range(14))


def test_one_object_each_gives_labels_for_fit() -> None:
    data = scenes(count=12, max_objects=1)
    assert data.labels.tolist() == [int(target["labels"]) for target in data.targets]
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 96 * 96, 7))
    assert len(fit(net, data, epochs=1, progress=False, device="cpu").step_losses) == 1
    with pytest.raises(ValueError, match=r"more than one object; expected one each. Make them with scenes"):
        _ = scenes(count=3, min_objects=2).labels


def test_digits_are_those_of_the_split_and_are_named() -> None:
    for number, split in enumerate(("train", "test")):
        assert torch.equal(torch.from_numpy(_handwritten(number)[1]), digits(split).labels)
    values = torch.cat([target["digits"] for target in scenes(count=60, classes=("digit",)).targets])
    assert set(values.tolist()) == set(range(10))
    data = scenes(count=20)
    for target in data.targets:
        assert torch.equal(target["digits"] >= 0, target["labels"] == DIGIT)


def test_training_and_test_backgrounds_share_no_column() -> None:
    assert len(NAMES) == 18
    for name in NAMES:
        train, test, width = side_of_photo(name, 0), side_of_photo(name, 1), photos()[name].shape[1]
        assert (train.start, train.stop, test.stop) == (0, test.start, width)
        assert 0.69 < train.stop / width < 0.71


def test_the_first_scenes_do_not_depend_on_how_many_follow() -> None:
    few, many = scenes(count=3, seed=5), scenes(count=8, seed=5)
    assert torch.equal(few.images, many.images[:3])
    assert torch.equal(few.instances, many.instances[:3])
    few.images.zero_()
    few.target(0)["boxes"].zero_()
    assert float(few.target(0)["boxes"].max()) > 0, "a target is the caller's to change"
    assert torch.equal(scenes(count=3, seed=5).images, many.images[:3])


def features(data: Scenes) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[int]]:
    """Of each object: what its mask looks like (filled share of its box, shape, roughness), and its mean colour."""
    outline, color, labels = [], [], []
    for index in range(len(data)):
        image, target = data[index]
        mask, (x1, y1, x2, y2) = target["masks"][0], target["boxes"][0].tolist()
        area, wide, high = int(mask.sum()), x2 - x1, y2 - y1
        edge = int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())
        third = mask[int(y1) : int(y1) + max(int(high) // 3, 1)].sum() / area
        outline.append([area / (wide * high), edge**2 / area / 10, max(wide / high, high / wide), float(third)])
        color.append(image[:, mask].mean(1).tolist())
        labels.append(int(target["labels"][0]))
    return np.array(outline), np.array(color), labels


def test_the_outline_gives_the_class_and_the_colour_does_not() -> None:
    """Chance is 1/6. Measured: outline 0.96, colour 0.16."""
    options: dict[str, Any] = {"max_objects": 1, "scales": (2, 4)}
    train, test = scenes("train", 400, **options), scenes("test", 200, **options)
    (shape, color, y), (shape2, color2, y2) = features(train), features(test)
    assert LogisticRegression(max_iter=2000, C=100).fit(shape, y).score(shape2, y2) > 0.9
    assert LogisticRegression(max_iter=2000).fit(color, y).score(color2, y2) < 0.27


@pytest.mark.parametrize("size", [33, 50, 128])
def test_other_sizes(size: int) -> None:
    data = scenes(count=6, size=size, min_objects=2, max_objects=12)
    assert tuple(data.images.shape) == (6, 3, size, size)
    for target in data.targets:
        assert float(target["full_boxes"].max()) <= size
        for mask, box in zip(target["masks"], target["boxes"], strict=True):
            assert torch.equal(box, box_of(mask))


def test_shapes_by_distance() -> None:
    x, y = pixel_centres(20, 30)
    inside = ((x - 15) ** 2 + (y - 10) ** 2) < 36
    assert np.array_equal(to_disc(x, y, (15, 10), 6) < 0, inside)
    square = np.array([[5, 5], [15, 5], [15, 15], [5, 15]])
    distance = to_polygon(x, y, square)
    expected = np.maximum(np.abs(x - 10) - 5, np.abs(y - 10) - 5)
    assert np.array_equal(distance < 0, expected < 0)
    near = (np.abs(x - 10) < 5) | (np.abs(y - 10) < 5)  # beside the corners the nearest point is the corner
    assert np.abs(distance - expected)[near].max() < 1e-5
    assert to_segments(x, y, [[[0, 0.5], [30, 0.5]]])[7, 3] == pytest.approx(7)
    assert float(ink(np.float32([-1, 0, 1])).tolist()[1]) == 0.5  # type: ignore[arg-type,call-overload]
    star = regular(5, inner=0.5)
    assert np.hypot(*star.T).round(5).tolist() == [1, 0.5] * 5


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"min_objects": 3, "max_objects": 2}, "min_objects=3, max_objects=2; expected"),
        ({"max_objects": 13}, "max_objects=13"),
        ({"classes": ("disc", "cat")}, r"classes is \('disc', 'cat'\); expected some of 'disc'"),
        ({"classes": ()}, "classes is"),
        ({"scales": (0.5, 2)}, r"scales is \(0.5, 2\); expected 1 <= low <= high <= 4"),
        ({"scales": 3}, "scales is 3; expected two numbers"),
        ({"size": 16}, "size is 16"),
        ({"noise": -1}, "noise is -1"),
    ],
)
def test_bad_options(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        scenes(count=1, **options)
