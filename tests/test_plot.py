"""The figures: what is drawn where, in which colours; and that colours stay apart for every reader."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from cnncourse import plot
from cnncourse.plot.style import INK, PAPER


def rendered(fig: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGBA"))


def rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    lights = []
    for color in (one, other):
        c = rgb(color)
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(lights) / min(lights)


# Full dichromacy in linear RGB, Machado, Oliveira & Fernandes 2009, doi:10.1109/TVCG.2009.113.
_BLIND = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("kind", _BLIND)
def test_roles_stay_apart_for_the_colour_blind(kind: str) -> None:
    """ΔE2000 above 10 between any two roles: several times what is just noticeable side by side."""
    labs = []
    for color in plot.COLORS.values():
        c = rgb(color)
        seen = np.clip(np.array(_BLIND[kind]) @ np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4), 0, 1)
        labs.append(rgb2lab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)))
    nearest = min(float(deltaE_ciede2000(a, b)) for a, b in itertools.combinations(labs, 2))
    assert nearest > 10, nearest


def test_letters_have_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for color in [INK, *plot.INKS.values()]:
        assert contrast(color, PAPER) >= 4.5
    assert len(plot.CLASS_COLORS) == len(set(plot.CLASS_COLORS)) == len(set(plot.CLASS_MARKERS)) == 10


def test_roles_are_the_widgets_colours() -> None:
    css = (Path(plot.__file__).parents[1] / "widgets" / "_base.css").read_text()
    for role in ("input", "filter", "output"):
        assert f"--{role}: {plot.COLORS[role]}" in css.lower()


def test_show_images_draws_the_pixels() -> None:
    color = torch.rand(3, 4, 5)
    fig = plot.show_images([color, torch.rand(6, 6)], ["a", "b"])
    drawn = fig.axes[0].get_images()[0].get_array()
    np.testing.assert_allclose(np.asarray(drawn), color.permute(1, 2, 0).numpy())
    assert [ax.get_title() for ax in fig.axes] == ["a", "b"]
    assert not any(list(ax.get_xticks()) + list(ax.get_yticks()) for ax in fig.axes)


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((4, 5), 1),
        ((1, 4, 5), 1),
        ((3, 4, 5), 1),
        ((4, 5, 3), 1),
        ((16, 4, 5), 16),
        ((2, 3, 4, 5), 2),
        ((7, 1, 4, 5), 7),
    ],
)
def test_shapes_understood(shape: tuple[int, ...], count: int) -> None:
    fig = plot.show_images(torch.rand(shape))
    assert len(fig.axes) == count
    assert all(ax.get_images()[0].get_array().shape[:2] == (4, 5) for ax in fig.axes)


@pytest.mark.parametrize(
    ("scale", "limits"),
    [("auto", [(0, 1), (0, 1)]), ("shared", [(0.2, 0.8), (0.2, 0.8)]), ("each", [(0.2, 0.4), (0.6, 0.8)])],
)
def test_what_black_and_white_mean(scale: str, limits: list[tuple[float, float]]) -> None:
    maps = [np.array([[0.2, 0.4]]), np.array([[0.6, 0.8]])]
    fig = plot.show_images(maps, scale=scale)
    assert [ax.get_images()[0].get_clim() for ax in fig.axes] == limits
    wide = plot.show_images([np.array([[-1.0, 3.0]])])
    assert wide.axes[0].get_images()[0].get_clim() == (-1, 3)


def test_show_signed_is_white_at_zero_and_symmetric() -> None:
    fig = plot.show_signed([np.array([[-3.0, 0.0, 1.0]]), np.zeros((1, 3))], label="∂L/∂x")
    for ax in fig.axes[:2]:
        image = ax.get_images()[0]
        assert image.get_clim() == (-3, 3)
        middle = image.cmap(image.norm(0.0))
        assert min(middle[:3]) > 0.96
    assert fig.axes[2].get_ylabel() == "∂L/∂x"
    red, blue = (fig.axes[0].get_images()[0].to_rgba(np.array([v]))[0] for v in (2.0, -2.0))
    assert red[0] > red[2]
    assert blue[2] > blue[0]


def test_show_matrix_writes_every_number() -> None:
    fig = plot.show_matrix([[1, 0], [-2, 30]], zero="·", window=(0, 1, 2, 1))
    assert [text.get_text() for text in fig.axes[0].texts] == ["1", "·", "−2", "30"]
    frames = [patch.get_bbox().bounds for patch in fig.axes[0].patches]
    assert frames == [(-0.5, -0.5, 2, 2), (0.5, -0.5, 1, 2)]
    assert not plot.show_matrix(torch.rand(60, 80), values=False).axes[0].texts


def test_show_matrices_in_one_cell_size() -> None:
    fig = plot.show_matrices(
        [torch.ones(4, 5), "∗", torch.ones(3, 3), "=", torch.ones(2, 3)], roles=["input", "filter", "output"]
    )
    assert [text.get_text() for text in fig.texts] == ["∗", "="]
    width, height = fig.get_size_inches()
    cells = [
        (ax.get_position().width * width / n, ax.get_position().height * height / m)
        for ax, (m, n) in zip(fig.axes, [(4, 5), (3, 3), (2, 3)], strict=True)
    ]
    np.testing.assert_allclose(cells, cells[0][0])
    assert all(ax.get_position().x0 >= 0 and ax.get_position().x1 <= 1 for ax in fig.axes)


def test_show_curves_labels_and_dashes() -> None:
    fig = plot.show_curves({"a": [1, 2, 4], "b": ([8, 16, 32], [3, 2, 1])}, "side (pixels)", "time (s)", logx=False)
    ax = fig.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("side (pixels)", "time (s)")
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), [8, 16, 32])
    log = plot.show_curves({"b": ([8, 16, 32], [3, 2, 1])}, "x", "y", logx=True).axes[0]
    assert [tick.get_text() for tick in log.get_xticklabels()] == ["8", "16", "32"]


def test_show_steps_in_role_colours() -> None:
    fig = plot.show_steps({"input": [1, 2], "y": [3, -4]}, roles={"y": "output"})
    tops = [[bar.get_height() for bar in ax.patches] for ax in fig.axes]
    assert tops == [[1, 2], [3, -4]]
    assert mpl.colors.to_hex(fig.axes[1].patches[0].get_facecolor()) == plot.COLORS["output"]


@pytest.mark.parametrize("width", plot.WIDTHS)
def test_width_card_and_nothing_cut_off(width: int) -> None:
    fig = plot.show_curves({"a": [1, 2]}, "a long label, with its unit (m)", "another label\n(s)", width=width)
    pixels = rendered(fig)
    assert abs(pixels.shape[1] - width * fig.dpi) <= 1
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (border == [*(rgb(PAPER) * 255).round().astype(int), 255]).all()  # opaque card, no ink on its edge


def test_same_figure_same_bytes() -> None:
    one, two = (rendered(plot.show_images(torch.eye(5), "eye")) for _ in range(2))
    assert np.array_equal(one, two)


def test_helpers_leave_the_settings_alone_and_use_style_sets_them() -> None:
    before = mpl.rcParams["axes.facecolor"]
    plot.show_matrix([[1]])
    assert mpl.rcParams["axes.facecolor"] == before
    with mpl.rc_context():
        plot.use_style()
        assert mpl.rcParams["axes.facecolor"] == PAPER
        assert mpl.rcParams["font.size"] == 12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.show_images([]), "empty list"),
        (lambda: plot.show_images(torch.rand(2, 5, 4, 4)), r"image of shape \(5, 4, 4\)"),
        (lambda: plot.show_images(torch.full((2, 2), float("nan"))), "4 of 4 values are NaN"),
        (lambda: plot.show_images(torch.rand(3, 4, 4) * 2 + 1), "Clip them"),
        (lambda: plot.show_images(torch.rand(4, 4), ["a", "b"]), "2 titles for 1"),
        (lambda: plot.show_images(torch.rand(4, 4), scale="x"), "scale is 'x'"),
        (lambda: plot.show_images(torch.rand(4, 4), columns=0), "columns is 0"),
        (lambda: plot.show_images(torch.rand(0, 4)), "nothing to show"),
        (lambda: plot.show_signed(torch.rand(3, 4, 4)), "3 channels"),
        (lambda: plot.show_signed(torch.rand(4, 4), limit=0), "limit is 0"),
        (lambda: plot.show_matrix(torch.rand(2, 2, 2)), "expected a matrix"),
        (lambda: plot.show_matrix([[1, 2], [3]]), "ragged"),
        (lambda: plot.show_matrix(torch.rand(60, 80)), "values=False"),
        (lambda: plot.show_matrix([[1]], role="teacher"), "roles are"),
        (lambda: plot.show_matrix([[1, 2]], window=(0, 1, 1, 2)), "leaves the matrix"),
        (lambda: plot.show_matrices(["="]), "no matrix"),
        (lambda: plot.show_curves({}, "x", "y"), "no curve"),
        (lambda: plot.show_curves({"a": [1]}, "", "y"), "labels are"),
        (lambda: plot.show_curves({"a": ([1, 2], [1])}, "x", "y"), "one length"),
        (lambda: plot.show_curves({"a": [0, 1]}, "x", "y", logy=True), "logarithmic"),
        (lambda: plot.show_steps({}), "no signal"),
        (lambda: plot.show_steps({"a": [[1]]}), "one dimension"),
        (lambda: plot.show_steps({"a": [1]}, roles={"b": "input"}), "expected a signal"),
        (lambda: plot.figure(0, 3), "width is 0"),
    ],
)
def test_bad_arguments(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def test_things_that_are_no_numbers() -> None:
    with pytest.raises(TypeError, match="expected numbers"):
        plot.show_matrix([["a", "b"]])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_in_a_notebook_a_figure_is_shown_once_sharp_and_with_its_width() -> None:
    import nbclient
    import nbformat

    cells = [
        "from cnncourse import plot\nplot.use_style()",
        "plot.show_matrix([[1, 2]], width=4)",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "kept = plot.show_matrix([[1, 2]])",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbclient.NotebookClient(book, timeout=120).execute()
    pictures = [[out for out in cell.outputs if "image/png" in out.get("data", {})] for cell in book.cells]
    assert [len(found) for found in pictures] == [0, 1, 1, 0]
    for found, width in ((pictures[1][0], 4), (pictures[2][0], 6)):
        assert json.loads(json.dumps(found.metadata))["image/png"] == {"width": width * 96}
        import base64

        assert Image.open(io.BytesIO(base64.b64decode(found.data["image/png"]))).width == 2 * width * 96
