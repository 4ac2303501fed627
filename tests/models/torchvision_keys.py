"""The entries of torchvision's state dicts, written down from its public architectures, without our code.

Each function yields (key, shape) in order; `torchvision_state` turns them into a dict.
"""

from __future__ import annotations

from collections.abc import Iterator

Entries = Iterator[tuple[str, tuple[int, ...]]]


def conv(key: str, c_out: int, c_in: int, k: int, bias: bool = False) -> Entries:
    yield f"{key}.weight", (c_out, c_in, k, k)
    if bias:
        yield f"{key}.bias", (c_out,)


def norm(key: str, c: int) -> Entries:
    for entry in ("weight", "bias", "running_mean", "running_var"):
        yield f"{key}.{entry}", (c,)
    yield f"{key}.num_batches_tracked", ()


def linear(key: str, n_out: int, n_in: int) -> Entries:
    yield f"{key}.weight", (n_out, n_in)
    yield f"{key}.bias", (n_out,)


def alexnet() -> Entries:
    for key, c_out, c_in, k in ((0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3)):
        yield from conv(f"features.{key}", c_out, c_in, k, bias=True)
    for key, n_out, n_in in ((1, 4096, 9216), (4, 4096, 4096), (6, 1000, 4096)):
        yield from linear(f"classifier.{key}", n_out, n_in)


VGG = {
    "11": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def vgg(depth: str, batch_norm: bool) -> Entries:
    at, c_in = 0, 3
    for step in VGG[depth].split():
        if step == "M":
            at += 1
            continue
        yield from conv(f"features.{at}", int(step), c_in, 3, bias=True)
        if batch_norm:
            yield from norm(f"features.{at + 1}", int(step))
        at, c_in = at + 2 + batch_norm, int(step)
    for key, n_out, n_in in ((0, 4096, 25088), (3, 4096, 4096), (6, 1000, 4096)):
        yield from linear(f"classifier.{key}", n_out, n_in)


def resnet(counts: tuple[int, ...], bottleneck: bool) -> Entries:
    yield from conv("conv1", 64, 3, 7)
    yield from norm("bn1", 64)
    c = 64
    for stage, count in enumerate(counts):
        width = 64 * 2**stage
        out = width * (4 if bottleneck else 1)
        for i in range(count):
            key = f"layer{stage + 1}.{i}"
            shapes = (
                [(width, c, 1), (width, width, 3), (out, width, 1)] if bottleneck else [(width, c, 3), (out, width, 3)]
            )
            for j, (a, b, k) in enumerate(shapes, start=1):
                yield from conv(f"{key}.conv{j}", a, b, k)
                yield from norm(f"{key}.bn{j}", a)
            if i == 0 and (stage > 0 or bottleneck):
                yield from conv(f"{key}.downsample.0", out, c, 1)
                yield from norm(f"{key}.downsample.1", out)
            c = out
    yield from linear("fc", 1000, c)


def densenet(growth: int, counts: tuple[int, ...], c: int) -> Entries:
    yield from conv("features.conv0", c, 3, 7)
    yield from norm("features.norm0", c)
    for block, count in enumerate(counts, start=1):
        for i in range(1, count + 1):
            key = f"features.denseblock{block}.denselayer{i}"
            yield from norm(f"{key}.norm1", c)
            yield from conv(f"{key}.conv1", 4 * growth, c, 1)
            yield from norm(f"{key}.norm2", 4 * growth)
            yield from conv(f"{key}.conv2", growth, 4 * growth, 3)
            c += growth
        if block < 4:
            yield from norm(f"features.transition{block}.norm", c)
            yield from conv(f"features.transition{block}.conv", c // 2, c, 1)
            c //= 2
    yield from norm("features.norm5", c)
    yield from linear("classifier", 1000, c)


INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def googlenet() -> Entries:
    def unit(key: str, c_out: int, c_in: int, k: int) -> Entries:
        yield from conv(f"{key}.conv", c_out, c_in, k)
        yield from norm(f"{key}.bn", c_out)

    for key, c_out, c_in, k in (("conv1", 64, 3, 7), ("conv2", 64, 64, 1), ("conv3", 192, 64, 3)):
        yield from unit(key, c_out, c_in, k)
    c = 192
    for name, (one, r3, three, r5, five, pool) in INCEPTION.items():
        key = f"inception{name}"
        yield from unit(f"{key}.branch1", one, c, 1)
        yield from unit(f"{key}.branch2.0", r3, c, 1)
        yield from unit(f"{key}.branch2.1", three, r3, 3)
        yield from unit(f"{key}.branch3.0", r5, c, 1)
        yield from unit(f"{key}.branch3.1", five, r5, 3)
        yield from unit(f"{key}.branch4.1", pool, c, 1)
        c = one + three + five + pool
    for key, c_in in (("aux1", 512), ("aux2", 528)):
        yield from unit(f"{key}.conv", 128, c_in, 1)
        yield from linear(f"{key}.fc1", 1024, 2048)
        yield from linear(f"{key}.fc2", 1000, 1024)
    yield from linear("fc", 1000, 1024)


STATES = {
    "alexnet": alexnet,
    **{f"vgg{depth}": (lambda depth=depth: vgg(depth, False)) for depth in VGG},
    **{f"vgg{depth}_bn": (lambda depth=depth: vgg(depth, True)) for depth in VGG},
    "googlenet": googlenet,
    "resnet18": lambda: resnet((2, 2, 2, 2), False),
    "resnet34": lambda: resnet((3, 4, 6, 3), False),
    "resnet50": lambda: resnet((3, 4, 6, 3), True),
    "resnet101": lambda: resnet((3, 4, 23, 3), True),
    "resnet152": lambda: resnet((3, 8, 36, 3), True),
    "densenet121": lambda: densenet(32, (6, 12, 24, 16), 64),
    "densenet161": lambda: densenet(48, (6, 12, 36, 24), 96),
    "densenet169": lambda: densenet(32, (6, 12, 32, 32), 64),
    "densenet201": lambda: densenet(32, (6, 12, 48, 32), 64),
}


def torchvision_state(name: str) -> dict[str, tuple[int, ...]]:
    """Key and shape of every entry of that model's state dict."""
    return dict(STATES[name]())
