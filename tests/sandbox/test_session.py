"""A session as the grader uses it: cells behave as in a notebook, calls answer with data, limits end the rest."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder.sandbox import CallFailed, Limits, Sandbox, Session
from autograder.sandbox.outputs import clean_outputs, clean_text, error_output, is_png

pytestmark = pytest.mark.sandbox


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Session]:
    with sandbox.session() as opened:
        yield opened


def failure(session: Session, name: str, *args: Any, **kwargs: Any) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        session.call(name, args, kwargs)
    return caught.value


# ---------------------------------------------------------------- cells


def test_a_cell_prints_and_shows_its_last_value(session: Session) -> None:
    cell = session.run_cell("import sys\nprint('out')\nprint('err', file=sys.stderr)\n{'a': 1}")
    assert (cell.ok, cell.error, cell.limit, cell.flags) == (True, None, None, ())
    assert (cell.stdout, cell.stderr) == ("out\n", "err\n")
    assert cell.outputs == [
        {"output_type": "execute_result", "data": {"text/plain": "{'a': 1}"}, "metadata": {}, "execution_count": 1}
    ]
    assert session.run_cell("_ = 2").stdout == ""


def test_errors_are_named_and_their_traceback_starts_in_the_cell(session: Session) -> None:
    cell = session.run_cell("def f():\n    raise ValueError('wrong stride')\nf()")
    assert not cell.ok
    assert cell.error == "ValueError: wrong stride"
    shown = cell.outputs[-1]
    assert shown["output_type"] == "error"
    assert "raise ValueError" in "\n".join(shown["traceback"])
    assert "run_code" not in "\n".join(shown["traceback"])
    assert session.alive
    assert "SyntaxError" in str(session.run_cell("def f(:").error)
    assert session.run_cell("exit()").ok
    assert "SystemExit" in str(session.run_cell("import sys\nsys.exit(3)").error)
    assert "KeyboardInterrupt" in str(session.run_cell("raise KeyboardInterrupt").error)
    assert session.run_cell("1 + 1").ok


def test_magics_shell_commands_and_await_work(session: Session) -> None:
    assert session.run_cell("%matplotlib inline\n%load_ext autoreload\n%timeit -n1 -r1 1").ok
    assert session.run_cell("!echo from the shell; false").stdout == "from the shell\n"
    assert session.run_cell("files = !echo a b\nprint(files)").stdout == "['a b']\n"
    assert session.run_cell("import asyncio\nawait asyncio.sleep(0)\nprint('waited')").stdout == "waited\n"
    assert session.run_cell("%%bash\necho in bash").stdout == "in bash\n"
    assert not session.run_cell("!pip install torch").limit


def test_figures_come_out_as_png_and_markup_does_not(session: Session) -> None:
    cell = session.run_cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.title('a figure')")
    assert [sorted(output["data"]) for output in cell.outputs] == [["text/plain"], ["image/png", "text/plain"]]
    assert base64.b64decode(cell.outputs[1]["data"]["image/png"]).startswith(b"\x89PNG")
    cell = session.run_cell("from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))")
    assert [list(output["data"]) for output in cell.outputs] == [["text/plain"]]


def test_the_first_figure_is_the_students_own(session: Session) -> None:
    # in one cell: the end of a cell closes every figure, also one that was left open before the fork
    draw = "import matplotlib.pyplot as plt\nplt.plot([3, 4])\n"
    cell = session.run_cell(draw + "print(len(plt.gca().lines), repr(plt.gca().get_title()))")
    assert cell.stdout == "1 ''\n"


def test_output_is_cut_and_said_to_be_cut(session: Session) -> None:
    cell = session.run_cell("print('x' * 200_000)\nprint('end')")
    assert cell.ok
    assert len(cell.stdout) == session.limits.output_bytes
    assert cell.flags == ("stdout cut: 134469 bytes more",)
    assert "outputs dropped" in session.run_cell("for _ in range(100): display(1)").flags[0]


def test_input_is_refused_at_once(session: Session) -> None:
    cell = session.run_cell("input('name? ')")
    assert "input() cannot be answered" in str(cell.error)
    assert cell.seconds < 1


def test_the_course_is_importable_and_the_random_state_is_that_of_the_seed(sandbox: Sandbox) -> None:
    code = "import only_here, random, torch, numpy as np\n"
    code += "print(only_here.value, random.random(), torch.rand(1), np.random.rand())"
    texts = []
    for seed in (0, 0, 1):
        with sandbox.session(seed=seed) as session:
            texts.append(session.run_cell(code).stdout)
    assert texts[0].startswith("7 ")
    assert texts[0] == texts[1] != texts[2]


# ---------------------------------------------------------------- calls

CONV = """
import torch
def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return torch.nn.functional.conv2d(x, weight, bias, stride, padding)
def both(x, weight):
    x.requires_grad_()
    y = conv2d(x, weight); y.sum().backward()
    return {"y": y, "dx": x.grad, "shape": y.shape, "text": "t" * 1000, "pair": (1, 2.5, None), "a": y.detach().numpy()}
"""


def test_convolution_forward_and_backward_after_the_fork(session: Session) -> None:
    """A server that had convolved with several threads before the fork would hang here."""
    assert session.run_cell(CONV).ok
    x, weight = torch.randn(2, 3, 8, 7), torch.randn(4, 3, 3, 2)
    expected = F.conv2d(x, weight, stride=(2, 1), padding=(1, 2))
    assert torch.equal(session.call("conv2d", [x, weight], {"stride": (2, 1), "padding": (1, 2)}), expected)
    answer = session.call("both", [x, weight])
    assert torch.allclose(answer["y"], F.conv2d(x, weight))
    assert not answer["y"].requires_grad
    assert answer["dx"].shape == x.shape
    assert answer["shape"] == (2, 4, 6, 6)
    assert answer["text"] == "t" * 1000
    assert answer["pair"] == (1, 2.5, None)
    assert type(answer["a"]) is np.ndarray


def test_threads_can_be_raised_by_the_student(session: Session) -> None:
    assert session.run_cell("import torch\ntorch.set_num_threads(2)" + CONV).ok
    assert session.call("conv2d", [torch.ones(8, 8, 64, 64), torch.ones(8, 8, 3, 3)]).shape == (8, 8, 62, 62)


def test_a_call_that_gives_no_answer_says_why(session: Session) -> None:
    session.run_cell(
        "n = 1\ndef stub(): raise NotImplementedError\ndef odd(): return {1, 2}\ndef echo(*a, **k): return a, k"
    )
    missing = failure(session, "absent")
    assert (missing.kind, missing.message) == ("missing", "absent is not defined")
    assert failure(session, "n").kind == "missing"
    stub = failure(session, "stub")
    assert (stub.kind, stub.type_name) == ("error", "NotImplementedError")
    odd = failure(session, "odd")
    assert odd.kind == "error"
    assert "set cannot be checked" in odd.message
    assert session.alive
    assert session.call("echo", [1, (2, [3.0])], {"k": None}) == ((1, (2, [3.0])), {"k": None})


def test_an_input_that_student_code_changes_is_a_copy(session: Session) -> None:
    session.run_cell("def spoil(x):\n    x.zero_(); return x")
    x = torch.ones(3)
    assert session.call("spoil", [x]).sum() == 0
    assert x.sum() == 3


def test_nothing_shown_after_the_first_call_is_kept(session: Session) -> None:
    """Otherwise a later cell could print the hidden inputs that an earlier call has brought."""
    session.run_cell("kept = []\ndef f(x): kept.append(x); print(x); return 0")
    session.call("f", [torch.full((2,), 4711.0)])
    cell = session.run_cell("print(kept); raise ValueError(str(kept))")
    assert not cell.ok
    assert "4711" not in str(cell)
    assert cell.flags == ("withheld",)
    assert session.run_cell("print(kept)").stdout == ""


def test_a_process_that_ends_around_its_answer_never_makes_run_cell_raise(sandbox: Sandbox) -> None:
    for delay in (0, 0.0005, 0.001, 0.002, 0.004):
        with sandbox.session() as session:
            code = f"import os, threading, time\ndef end():\n    time.sleep({delay}); os._exit(0)\n"
            session.run_cell(code + "threading.Thread(target=end).start()\nprint(1)")
            assert session.run_cell("import time\ntime.sleep(1)").flags == ("crash",)


@pytest.mark.parametrize("name", ["", "a b", "os.system", 3, "x" * 300])
def test_a_name_that_is_none_is_the_callers_mistake(session: Session, name: Any) -> None:
    with pytest.raises(ValueError, match="identifier"):
        session.call(name)
    with pytest.raises(TypeError, match="string of Python"):
        session.run_cell(name if name == 3 else b"x")  # type: ignore[arg-type]


def test_arguments_that_cannot_be_sent_are_the_callers_mistake(session: Session) -> None:
    session.run_cell("def f(x): return x")
    with pytest.raises(TypeError, match="cannot be checked"):
        session.call("f", [{1, 2}])
    assert session.call("f", [1]) == 1


# ---------------------------------------------------------------- limits


def test_time_ends_a_session_and_only_that(sandbox: Sandbox) -> None:
    with sandbox.session() as beside, sandbox.session() as session:
        beside.run_cell("def f(): return 1")
        session.run_cell("import time\ndef f(): print('so far'); time.sleep(60)")
        with pytest.raises(CallFailed) as caught:
            session.call("f", seconds=0.3)
        assert (caught.value.kind, caught.value.type_name) == ("limit", "LimitExceeded")
        assert not session.alive
        assert failure(session, "f").kind == "crash"
        assert session.run_cell("1").error == "the notebook's process has ended"
        assert beside.call("f") == 1


def test_a_cell_at_its_limit_keeps_what_it_printed(sandbox: Sandbox) -> None:
    with sandbox.session(limits=Limits(cell_seconds=1.5)) as session:
        cell = session.run_cell("print('so far')\nwhile True: pass")
        assert (cell.ok, cell.limit, cell.stdout, cell.flags) == (False, "time", "so far\n", ("limit",))


def test_all_cells_and_calls_share_the_total(sandbox: Sandbox) -> None:
    with sandbox.session(limits=Limits(total_seconds=3)) as session:
        results = [session.run_cell("1")]
        while session.alive:
            results.append(session.run_cell("import time; time.sleep(0.5)"))
        assert results[0].ok
        assert results[-1].limit == "time"
        assert 3 <= sum(cell.seconds for cell in results) < 6


@pytest.mark.parametrize(
    ("limits", "code", "reason"),
    [
        (Limits(memory_bytes=300 << 20), "import torch, time\nx = torch.ones(100 << 20)\ntime.sleep(9)", "memory"),
        (Limits(output_bytes=1000), "while True: print('x' * 1000)", "output"),
        (Limits(cpu_seconds=0.5), "while True: pass", "cpu"),
        (Limits(session_seconds=0.5), "import time\ntime.sleep(9)", "time"),
    ],
    ids=["memory", "output", "cpu", "age"],
)
def test_each_limit_is_named(sandbox: Sandbox, limits: Limits, code: str, reason: str) -> None:
    with sandbox.session(limits=limits) as session:
        cell = session.run_cell(code)
        assert (cell.ok, cell.limit) == (False, reason)
        assert not session.alive


def test_rlimits_stop_what_is_too_much_without_ending_the_session(sandbox: Sandbox) -> None:
    with sandbox.session(limits=Limits(file_bytes=1 << 20, files=40, processes=8)) as session:
        assert "OSError" in str(session.run_cell("open('big', 'wb').write(b'x' * (2 << 20))").error)
        assert "OSError" in str(session.run_cell("held = [open('/dev/null') for _ in range(50)]").error)
        session.run_cell("del held")
        threads = "import threading, time\nfor _ in range(9): threading.Thread(target=time.sleep, args=(5,)).start()"
        assert "RuntimeError" in str(session.run_cell(threads).error)
        assert session.run_cell("1").ok


def test_limits_that_are_no_numbers_are_refused() -> None:
    for value in (0, -1, "2", None, True):
        with pytest.raises(ValueError, match="memory_bytes"):
            Limits(memory_bytes=value)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what comes out is cleaned (no jail needed)


def test_text_loses_everything_that_a_terminal_or_a_page_would_obey() -> None:
    dirty = "\x1b[31mred\x1b[0m \x1b]0;title\x07 a\0b\x08 \u202eback\r\nnext\ttab \x9b31m"
    assert clean_text(dirty, 100) == "red  ab back\nnext\ttab 31m"
    assert clean_text("x" * 50, 10) == "x" * 10 + "…"


@pytest.mark.parametrize(
    "outputs",
    [None, {}, [1], [{"data": 1}], [{"data": {}, "output_type": "stream"}], [{"data": {}}] * 100],
)
def test_outputs_that_are_none_are_refused(outputs: Any) -> None:
    assert clean_outputs(outputs, 1000) is None


def test_only_text_and_real_png_pass() -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(9)).decode()
    data = {"text/html": "<script>", "text/plain": "x", "image/png": png, "image/svg+xml": "<svg onload=…>"}
    output = {"output_type": "execute_result", "data": data, "metadata": {"a": 1}, "execution_count": "1"}
    assert clean_outputs([output], 1000) == [
        {
            "output_type": "execute_result",
            "data": {"text/plain": "x", "image/png": png},
            "metadata": {},
            "execution_count": None,
        }
    ]
    assert not is_png("javascript:alert(1)", 1000)
    assert not is_png(png, 3)
    assert error_output(["a", "b"]) is None
    assert error_output(["a", 1, []]) is None
    assert error_output(["E\x1b[0m", "t", ["l"]]) == {
        "output_type": "error",
        "ename": "E",
        "evalue": "t",
        "traceback": ["l", "E: t"],
    }
