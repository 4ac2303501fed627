"""Displays without end: thousands of figures, a picture that is none, a repr that fills the memory, a display hook."""
# ruff: noqa

OUTCOME = ("wrong", "error", "limit", "crash")

from IPython.display import display


class Bomb:
    def _repr_png_(self):
        return b"\x89PNG\r\n\x1a\n" + b"<script>LEAK</script>" * (1 << 20)

    def _repr_mimebundle_(self, **kwargs):
        return {"text/html": "<script>" * 9999, "image/png": "javascript:LEAK", "text/plain": "x" * (1 << 28)}


for _ in range(500):
    display(Bomb())


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    for _ in range(500):
        display(Bomb())
    return 0
