"""The check as students meet it: table, hint, short error, version, nearest names."""

from __future__ import annotations

import re

import pytest
from IPython.core.interactiveshell import InteractiveShell

from cnncourse.checks import for_lesson, load
from cnncourse.checks.notebook import CheckFailed, Unfinished
from cnncourse.checks.show import as_html, as_text

check = for_lesson("01_convolution", version="1.0")
CONV2D = load("01_convolution").exercise("conv2d")


def mistake(name):
    return next(m.function for m in CONV2D.mistakes if m.name == name)


def test_passing_says_so_and_returns_nothing(capsys):
    assert check("conv2d", CONV2D.reference) is None
    assert "all 7 public cases pass" in capsys.readouterr().out


def test_failing_shows_case_got_expected_and_hint(capsys):
    with pytest.raises(CheckFailed, match="Your kernel is flipped"):
        check("conv2d", mistake("kernel_flipped"))
    out = capsys.readouterr()
    for words in ("FAIL  one channel, one filter", "got:", "expected:", "Your kernel is flipped"):
        assert words in out.out
    assert out.err == ""


def test_unfinished(capsys):
    def conv2d(*args, **kwargs):
        raise NotImplementedError

    with pytest.raises(Unfinished, match="conv2d still raises NotImplementedError"):
        check("conv2d", conv2d)
    assert capsys.readouterr().out.count("\n") == 1


def test_error_is_rendered_without_a_traceback(capsys):
    shell = InteractiveShell()
    shell.push({"check": check, "wrong": mistake("bias_missing")})
    shell.run_cell("check('conv2d', wrong)")
    out = capsys.readouterr().out
    assert "CheckFailed: conv2d" in out
    assert "notebook.py" not in out
    InteractiveShell.clear_instance()


def test_an_exception_names_the_line():
    def conv2d(x, weight, *args, **kwargs):
        y = x.new_zeros(2)
        return y + x.new_zeros(3)

    got = check.result("conv2d", conv2d).cases[0].got
    assert got.startswith("RuntimeError: The size of tensor")
    assert got.splitlines()[-1].endswith(": return y + x.new_zeros(3)")


def test_a_forgotten_return_is_named():
    assert "needs a `return`" in check.result("output_size", lambda *args, **kwargs: None).hint


def test_an_empty_slice_is_explained():
    conv2d_input = load("01_convolution").exercise("conv2d_input").reference
    hint = check.result("conv2d_input", lambda *args: conv2d_input(*args)[:, :, 0:-0]).hint
    assert "[P:-P] takes nothing" in hint


def test_float64_is_among_the_public_cases():
    def convolve(x, w):
        return load("01_convolution").exercise("convolve").reference(x, w).float()

    assert "The dtype is float32; expected float64" in check.result("convolve", convolve).hint


def test_a_float_size_looks_like_one():
    case = check.result("output_size", lambda *args, **kwargs: 5.0).cases[0]
    assert (case.got, case.expected) == ("5.0", "5")


def test_a_long_message_is_broken_and_a_small_tensor_is_not():
    def wordy(*args, **kwargs):
        raise RuntimeError("the shapes do not fit " * 8)

    assert "white-space:pre-wrap" in as_html(check.result("conv2d", wordy))
    assert "white-space:pre-wrap" not in as_html(check.result("conv2d", CONV2D.reference))


def test_html_is_escaped_and_themeable():
    def evil(*args, **kwargs):
        raise ValueError("<script>alert(1)</script>")

    html = as_html(check.result("conv2d", evil))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for look in re.findall(r'style="([^"]*)"', html):  # the page's own colours, or a ground and a text that go together
        assert not re.search(r"background:(?!transparent|#)|(?<!-)color:(?!inherit|#)", look)
        assert ("background:#" in look) == bool(re.search(r"(^|;)color:#", look))
    assert 'scope="col"' in html


def test_changes_in_place_are_told():
    def conv2d(x, weight, *args, **kwargs):
        y = CONV2D.reference(x, weight, *args, **kwargs)
        x += 1
        return y

    result = check.result("conv2d", conv2d)
    assert result.verdict == "pass"
    assert "changes its input (argument 1) in place" in as_text(result)
    assert "in place" in as_html(result)


def test_unknown_exercise_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'conv2d'"):
        check("conv2", CONV2D.reference)


def test_unknown_lesson_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean '01_convolution'"):
        for_lesson("convolution", version="1.0")


def test_other_version_is_named(capsys):
    for_lesson("01_convolution", version="0.9")
    said = capsys.readouterr().out
    assert "version 0.9" in said
    assert "1.0" in said


def test_what_is_no_function():
    assert check.result("conv2d", 3).verdict == "missing"


def test_repr_lists_the_exercises():
    assert "conv2d" in repr(check)
