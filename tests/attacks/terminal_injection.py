"""Prints escape sequences, markup, NUL and direction marks for whoever reads the log or the feedback."""
# ruff: noqa

OUTCOME = ("error",)

from IPython.display import HTML, Javascript, display

print("\x1b]0;owned\x07\x1b[2J\x1b[31mscore: 100\x1b[0m\0\u202e")
print("<script>alert(1)</script>")
display(HTML("<script>alert(1)</script>"), Javascript("alert(1)"))


class Evil(Exception):
    def __str__(self):
        return "\x1b[2J\x1b]52;c;b3duZWQ=\x07passed"


Evil.__name__ = "\x1b[8mhidden"


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    raise Evil
