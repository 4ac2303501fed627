"""Programs as students write them: drawn from many ways of writing one thing, and copies made to look different."""

from __future__ import annotations

import builtins
import io
import keyword
import random
import re
import tokenize

NAMES = {
    "H": ("H", "h", "height", "in_h"),
    "W": ("W", "w_", "width", "in_w"),
    "ph": ("P_h", "pad_h", "ph", "p0"),
    "pw": ("P_w", "pad_w", "pw", "p1"),
    "sh": ("S_h", "stride_h", "sh", "s0"),
    "sw": ("S_w", "stride_w", "sw", "s1"),
    "kh": ("K_h", "kernel_h", "kh", "k0"),
    "kw": ("K_w", "kernel_w", "kw", "k1"),
    "oh": ("H_out", "out_h", "rows", "oh"),
    "ow": ("W_out", "out_w", "columns", "ow"),
    "i": ("i", "r", "row", "a"),
    "j": ("j", "c", "col", "b"),
    "n": ("n", "img", "sample", "batch"),
    "o": ("o", "f", "out_channel", "filt"),
    "p": ("padded", "xp", "x_pad", "big"),
    "out": ("y", "out", "result", "z"),
    "win": ("window", "patch", "piece", "region"),
    "g": ("g", "dy", "grad", "d"),
}


def one_of(rng: random.Random, *ways: str) -> str:
    return rng.choice(ways)


def lines(rng: random.Random, *blocks: str) -> str:
    """Blocks in order, names filled in, a comment here and there."""
    names = {key: rng.choice(ways) for key, ways in NAMES.items()}
    text = "\n".join(block for block in blocks if block)
    made = []
    for line in re.sub(r"<(\w+)>", lambda m: names[m[1]], text).split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        if rng.random() < 0.12:
            made.append(f"{indent}# {rng.choice(('now the next step', 'see the lecture', 'shape', 'TODO check'))}")
        if rng.random() < 0.12 and len(indent) >= 4 and made:
            made.append(indent + rng.choice(LEFT_OVER).format(rng.randint(0, 9), *rng.sample(list(names.values()), 2)))
        made.append(own_way(rng, line))
    return "\n".join(made)


LEFT_OVER = (
    *('print("here", {0})', "assert {0} >= 0", "debug = {0}", "unused{0} = ''", "step_{0} = None", "check = [{0}]"),
    *("assert True, {0}", "# print({1}.shape)", "t{0} = ({0}, {0})", "done = not {0}", "print({0} + 1)", "pass"),
)


def own_way(rng: random.Random, line: str) -> str:
    """Small things that everybody writes in their own way: the order of factors and terms, brackets."""
    if rng.random() < 0.3:
        line = re.sub(r"\b(\w+) \* (\w+)\b", r"\2 * \1", line)
    if rng.random() < 0.25:
        line = re.sub(r"\b(\w+) \+ (\w+)\b(?! \*)", r"\2 + \1", line)
    if rng.random() < 0.2:
        line = re.sub(r"\b(\w+ \* \w+)\b", r"(\1)", line)
    return line


def sizes(rng: random.Random, x: str, w: str, S: str = "stride", P: str = "padding") -> str:
    """Unpack the shapes of x and w, in one of many ways."""
    shape = one_of(
        rng,
        f"    N, C_in, <H>, <W> = {x}.shape",
        f"    <H>, <W> = {x}.shape[2], {x}.shape[3]\n    N, C_in = {x}.shape[:2]",
        f"    N = {x}.shape[0]\n    C_in = {x}.shape[1]\n    <H> = {x}.shape[2]\n    <W> = {x}.shape[3]",
        f"    N, C_in = {x}.size(0), {x}.size(1)\n    <H>, <W> = {x}.size(2), {x}.size(3)",
    )
    kernel = one_of(
        rng,
        f"    C_out, _, <kh>, <kw> = {w}.shape",
        f"    C_out = {w}.shape[0]\n    <kh>, <kw> = {w}.shape[2:]",
        f"    C_out, <kh>, <kw> = {w}.shape[0], {w}.shape[2], {w}.shape[3]",
        f"    <kh>, <kw> = {w}.size(2), {w}.size(3)\n    C_out = len({w})",
    )
    step = one_of(
        rng,
        f"    <sh>, <sw> = {S}\n    <ph>, <pw> = {P}",
        f"    <sh> = {S}[0]\n    <sw> = {S}[1]\n    <ph> = {P}[0]\n    <pw> = {P}[1]",
        f"    (<sh>, <sw>), (<ph>, <pw>) = {S}, {P}",
        f"    <ph>, <sh> = {P}[0], {S}[0]\n    <pw>, <sw> = {P}[1], {S}[1]",
    )
    blocks = [shape, kernel, step]
    rng.shuffle(blocks)
    return "\n".join(blocks)


def pad(rng: random.Random, x: str) -> str:
    return one_of(
        rng,
        f"    <p> = torch.nn.functional.pad({x}, (<pw>, <pw>, <ph>, <ph>))",
        f"    <p> = torch.zeros(N, C_in, <H> + 2 * <ph>, <W> + 2 * <pw>, dtype={x}.dtype)\n"
        f"    <p>[:, :, <ph>:<ph> + <H>, <pw>:<pw> + <W>] = {x}",
        f"    <p> = {x}.new_zeros((N, C_in, 2 * <ph> + <H>, 2 * <pw> + <W>))\n"
        f"    <p>[..., <ph>:<H> + <ph>, <pw>:<W> + <pw>] += {x}",
        f"    <p> = torch.zeros((N, C_in, <H> + <ph> * 2, <W> + <pw> * 2)).to({x})\n"
        f"    <p>[:, :, <ph>:(<H> + <ph>), <pw>:(<W> + <pw>)] = {x}.clone()",
    )


def places(rng: random.Random) -> str:
    return one_of(
        rng,
        "    <oh> = (<H> + 2 * <ph> - <kh>) // <sh> + 1\n    <ow> = (<W> + 2 * <pw> - <kw>) // <sw> + 1",
        "    <oh> = int((<H> - <kh> + 2 * <ph>) / <sh>) + 1\n    <ow> = int((<W> - <kw> + 2 * <pw>) / <sw>) + 1",
        "    <oh>, <ow> = 1 + (<p>.shape[2] - <kh>) // <sh>, 1 + (<p>.shape[3] - <kw>) // <sw>",
        "    <oh> = len(range(0, <p>.shape[-2] - <kh> + 1, <sh>))\n"
        "    <ow> = len(range(0, <p>.shape[-1] - <kw> + 1, <sw>))",
    )


def window(rng: random.Random, indent: str) -> str:
    return one_of(
        rng,
        f"{indent}<win> = <p>[:, :, <i> * <sh>:<i> * <sh> + <kh>, <j> * <sw>:<j> * <sw> + <kw>]",
        f"{indent}top, left = <i> * <sh>, <j> * <sw>\n{indent}<win> = <p>[:, :, top:top + <kh>, left:left + <kw>]",
        f"{indent}t = <sh> * <i>\n{indent}l = <sw> * <j>\n{indent}<win> = <p>[..., t:(t + <kh>), l:(l + <kw>)]",
        f"{indent}<win> = <p>.narrow(2, <i> * <sh>, <kh>).narrow(3, <j> * <sw>, <kw>)",
    )


def conv2d(rng: random.Random) -> str:
    product = one_of(
        rng,
        "            <out>[:, :, <i>, <j>] = (<win>[:, None] * weight).sum(dim=(2, 3, 4))",
        '            <out>[:, :, <i>, <j>] = torch.einsum("ncij,ocij->no", <win>, weight)',
        "            <out>[:, :, <i>, <j>] = <win>.reshape(N, -1) @ weight.reshape(C_out, -1).T",
        "            for <o> in range(C_out):\n"
        "                <out>[:, <o>, <i>, <j>] = (<win> * weight[<o>]).sum((1, 2, 3))",
        "            for <n> in range(N):\n                for <o> in range(C_out):\n"
        "                    <out>[<n>, <o>, <i>, <j>] = torch.sum(<win>[<n>] * weight[<o>])",
    )
    bias = one_of(
        rng,
        "    if bias is not None:\n        <out> = <out> + bias[:, None, None]\n    return <out>",
        "    if bias is not None:\n        <out> += bias.view(1, -1, 1, 1)\n    return <out>",
        "    return <out> if bias is None else <out> + bias.reshape(-1, 1, 1)",
        "    if bias is None:\n        return <out>\n    return <out> + bias[None, :, None, None]",
    )
    empty = one_of(
        rng,
        "    <out> = torch.zeros(N, C_out, <oh>, <ow>, dtype=x.dtype)",
        "    <out> = x.new_zeros(N, C_out, <oh>, <ow>)",
        "    <out> = torch.empty((N, C_out, <oh>, <ow>), dtype=x.dtype, device=x.device)",
    )
    loops = one_of(
        rng,
        "    for <i> in range(<oh>):\n        for <j> in range(<ow>):",
        "    for <j> in range(<ow>):\n        for <i> in range(<oh>):",
    )
    head = "def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):"
    body = [sizes(rng, "x", "weight"), pad(rng, "x"), places(rng), empty, loops, window(rng, " " * 12), product, bias]
    return lines(rng, head, *body)


def gradient(rng: random.Random, of: str) -> str:
    """conv2d_input or conv2d_weight, with one loop over places."""
    to_weight = of == "conv2d_weight"
    head = (
        "def conv2d_weight(input, weight_size, grad_output, stride, padding):"
        if to_weight
        else "def conv2d_input(input_size, weight, grad_output, stride, padding):"
    )
    step = one_of(
        rng,
        "    <sh>, <sw> = stride\n    <ph>, <pw> = padding",
        "    <sh>, <sw> = stride[0], stride[1]\n    <ph>, <pw> = padding[0], padding[1]",
        "    <ph> = padding[0]\n    <pw> = padding[1]\n    <sh> = stride[0]\n    <sw> = stride[1]",
    )
    shape = one_of(
        rng,
        "    N, C_in, <H>, <W> = {x}\n    C_out, _, <kh>, <kw> = {w}",
        "    C_out, <kh>, <kw> = {w}[0], {w}[2], {w}[3]\n    N, C_in, <H>, <W> = {x}",
        "    <kh>, <kw> = {w}[2:]\n    <H>, <W> = {x}[2:]\n    N, C_in, C_out = {x}[0], {x}[1], {w}[0]",
    ).format(x="input.shape" if to_weight else "input_size", w="weight_size" if to_weight else "weight.shape")
    loops = one_of(
        rng,
        "    for <i> in range(grad_output.shape[2]):\n        for <j> in range(grad_output.shape[3]):",
        "    <oh>, <ow> = grad_output.shape[2:]\n    for <i> in range(<oh>):\n        for <j> in range(<ow>):",
        "    _, _, <oh>, <ow> = grad_output.shape\n    for <j> in range(<ow>):\n        for <i> in range(<oh>):",
    )
    slope = "            <g> = grad_output[:, :, <i>, <j>]"
    if to_weight:
        start = pad(rng, "input") + one_of(
            rng,
            "\n    dw = input.new_zeros(C_out, C_in, <kh>, <kw>)",
            "\n    dw = torch.zeros(tuple(weight_size), dtype=input.dtype)",
        )
        add = window(rng, " " * 12) + one_of(
            rng,
            "\n            dw += (<g>[:, :, None, None, None] * <win>[:, None]).sum(dim=0)",
            '\n            dw += torch.einsum("no,ncij->ocij", <g>, <win>)',
            "\n            dw = dw + (<g>.T @ <win>.reshape(N, -1)).reshape(dw.shape)",
            "\n            for <n> in range(N):\n                dw += <g>[<n>][:, None, None, None] * <win>[<n>]",
        )
        return lines(rng, head, step, shape, start, loops, slope, add, "    return dw")
    start = one_of(
        rng,
        "    <p> = grad_output.new_zeros(N, C_in, <H> + 2 * <ph>, <W> + 2 * <pw>)",
        "    <p> = torch.zeros((N, C_in, 2 * <ph> + <H>, 2 * <pw> + <W>), dtype=weight.dtype)",
    )
    share = one_of(
        rng,
        "            part = (<g>[:, :, None, None, None] * weight).sum(dim=1)",
        '            part = torch.einsum("no,ocij->ncij", <g>, weight)',
        "            part = (<g> @ weight.reshape(C_out, -1)).reshape(N, C_in, <kh>, <kw>)",
    )
    add = one_of(
        rng,
        "            <p>[:, :, <i> * <sh>:<i> * <sh> + <kh>, <j> * <sw>:<j> * <sw> + <kw>] += part",
        "            t, l = <i> * <sh>, <j> * <sw>\n            <p>[:, :, t:t + <kh>, l:l + <kw>] += part",
        "            <p>.narrow(2, <i> * <sh>, <kh>).narrow(3, <j> * <sw>, <kw>).add_(part)",
    )
    end = one_of(
        rng,
        "    return <p>[:, :, <ph>:<ph> + <H>, <pw>:<pw> + <W>]",
        "    return <p>[..., <ph>:<H> + <ph>, <pw>:<W> + <pw>]",
        "    dx = <p>[:, :, <ph>:<p>.shape[2] - <ph>, <pw>:<p>.shape[3] - <pw>]\n    return dx",
    )
    return lines(rng, head, step, shape, start, loops, slope, share, add, end)


def short(rng: random.Random) -> dict[str, str]:
    """Exercises of a line or two: many honest students write the very same thing."""
    return {
        "output_size": one_of(
            rng,
            "def output_size(size, kernel_size, stride=1, padding=0, dilation=1):\n"
            "    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1",
            "def output_size(size, kernel_size, stride=1, padding=0, dilation=1):\n"
            "    k = dilation * (kernel_size - 1) + 1\n    return 1 + (size + 2 * padding - k) // stride",
        ),
        "conv2d_bias": one_of(
            rng,
            "def conv2d_bias(grad_output):\n    return grad_output.sum(dim=(0, 2, 3))",
            "def conv2d_bias(grad_output):\n    return grad_output.sum((0, 2, 3))",
            'def conv2d_bias(grad_output):\n    return torch.einsum("noij->o", grad_output)',
        ),
        "convolve": one_of(
            rng,
            "def convolve(x, w):\n    y = torch.zeros(len(x) + len(w) - 1, dtype=x.dtype)\n"
            "    for k in range(len(w)):\n        y[k:k + len(x)] += w[k] * x\n    return y",
            "def convolve(x, w):\n    y = torch.zeros(len(x) + len(w) - 1, dtype=x.dtype)\n"
            "    for n in range(len(y)):\n        for k in range(len(w)):\n            if 0 <= n - k < len(x):\n"
            "                y[n] += w[k] * x[n - k]\n    return y",
        ),
    }


def answers(seed: int) -> dict[str, str]:
    """An honest student's code by exercise."""
    rng = random.Random(f"student {seed}")
    long = {name: gradient(rng, name) for name in ("conv2d_input", "conv2d_weight")}
    return {**short(rng), "conv2d": conv2d(rng), **long}


def renamed(source: str, seed: int) -> str:
    """The same program with other names for all variables, other comments, other white space: a copy in disguise."""
    rng = random.Random(f"copy {seed}")
    kept = {*keyword.kwlist, *dir(builtins), "torch", "self"}
    defined = set(re.findall(r"def (\w+)", source))
    new: dict[str, str] = {}
    pieces, last = [], ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        text = token.string
        if token.type == tokenize.COMMENT:
            text = ""
        elif token.type == tokenize.NAME and last != "." and text not in kept | defined and not _argument(token):
            text = new.setdefault(text, f"{rng.choice('abcdefgh')}{len(new)}_{rng.randint(0, 9)}")
        pieces.append((token.type, text))
        last = token.string
    made = str(tokenize.untokenize(pieces))
    return "\n".join(row + (f"  # step {rng.randint(1, 99)}" if rng.random() < 0.2 and row else "")
                     for row in made.split("\n"))  # fmt: skip


def _argument(token: tokenize.TokenInfo) -> bool:
    """Whether a name is the keyword in `call(keyword=value)`: that one cannot be renamed."""
    rest = token.line[token.end[1] :].lstrip()
    return rest.startswith("=") and not rest.startswith("==") and token.line[: token.start[1]].strip() != ""
