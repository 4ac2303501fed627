"""Files give back what went in, and are as small as what is in them allows."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cnncourse.compress import deflated, load, plain_state, prune, rounded, save, shared, weighted
from cnncourse.models import lenet5


class Holder(nn.Module):
    def __init__(self, **tensors: Tensor) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


def back(model: nn.Module, file: Path, layout: str = "bits") -> dict[str, Tensor]:
    assert save(model, file, layout) == file.stat().st_size
    return load(file)


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert found[name].shape == value.shape
        assert torch.equal(found[name], value), name


def drawn(seed: int, shape: tuple[int, ...], kind: str) -> Tensor:
    torch.manual_seed(seed)
    x = torch.randn(shape)
    if "few" in kind:
        x = torch.randn(int(torch.randint(1, 300, ())))[torch.randint(0, 2, shape)] if shape else x
    if "half" in kind:
        x = x.half().float()
    return x * (torch.rand(shape) < 0.1) if "holes" in kind else x


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 999),
    shape=st.sampled_from([(), (0,), (1,), (7,), (5, 3), (2, 0, 3), (4, 3, 2, 5), (40, 40)]),
    kind=st.sampled_from(["plain", "few", "half", "holes", "few holes", "half holes", "few half holes"]),
    layout=st.sampled_from(["bits", "bytes"]),
)
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, seed: int, shape: tuple[int, ...], kind: str, layout: str
) -> None:
    model = Holder(a=drawn(seed, shape, kind), n=torch.tensor(seed), b=drawn(seed + 1, (3,), "plain").double())
    same(back(model, tmp_path_factory.mktemp("f") / "net", layout), model.state_dict())


@pytest.mark.parametrize("values", [1, 2, 3, 4, 5, 16, 17, 255, 256, 257])
def test_any_number_of_values(tmp_path: Path, values: int) -> None:
    torch.manual_seed(values)
    book = torch.randn(values)
    weight = torch.cat([book, book[torch.randint(0, values, (3000 - values,))]])
    size = save(Holder(w=weight), tmp_path / "net")
    same(load(tmp_path / "net"), {"w": weight})
    bits = max(1, (values - 1).bit_length())
    body = 3000 * bits / 8 + 4 * values if values <= 256 else 12000
    assert body <= size < body + 300


@pytest.mark.parametrize("layout", ["bits", "bytes"])
def test_a_network_after_everything(tmp_path: Path, layout: str) -> None:
    torch.manual_seed(0)
    net = lenet5()
    sizes = [save(net, tmp_path / "net", layout)]
    prune.global_unstructured(weighted(net), 0.9)
    same(back(net, tmp_path / "net", layout), plain_state(net))
    small = shared(net, 4)
    same(back(small, tmp_path / "net", layout), plain_state(small))
    lenet5().load_state_dict(load(tmp_path / "net"))
    assert list(load(tmp_path / "net")) == list(lenet5().state_dict())
    sizes += [save(net, tmp_path / "net", layout), save(small, tmp_path / "net", layout)]
    weights = sum(p.numel() for p in lenet5().parameters())
    assert 4 * weights < sizes[0] < 4 * weights + 2000
    if layout == "bits":  # a bit for each, four bytes for a tenth
        assert sizes[1] == pytest.approx(weights * (1 / 8 + 4 / 10), rel=0.1)
        assert sizes[2] == pytest.approx(weights * (1 / 8 + 0.5 / 10), rel=0.2)
    else:
        assert sizes[2] == pytest.approx(weights, rel=0.1)


def test_rounding_pays(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = lenet5()
    weights = sum(p.numel() for p in net.parameters())
    for bits in (8, 4, 3):
        assert save(rounded(net, bits, None), tmp_path / "net") == pytest.approx(weights * bits / 8, rel=0.12)


def test_deflated_is_zlibs(tmp_path: Path) -> None:
    file = tmp_path / "some"
    file.write_bytes(b"abc" * 1000)
    assert deflated(file) == len(zlib.compress(b"abc" * 1000, 9)) < 60


def test_bytes_deflate_better_than_bits_that_do_not_fill_them(tmp_path: Path) -> None:
    torch.manual_seed(2)
    net = lenet5()
    for layer, _ in weighted(net):
        nn.init.normal_(layer.weight)  # type: ignore[arg-type]
    net = rounded(net, 5, None)
    save(net, tmp_path / "bits", "bits")
    save(net, tmp_path / "bytes", "bytes")
    assert deflated(tmp_path / "bytes") < deflated(tmp_path / "bits")


@pytest.mark.parametrize("content", [b"", b"nonsense, and long enough to be a header", b"\x02\0\0\0\0\0\0\0{}"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"is no file of cnncourse\.compress\.save"):
        load(file)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    options: Any = "nibbles"
    with pytest.raises(ValueError, match="expected one of 'bits', 'bytes'"):
        save(nn.Linear(2, 2), tmp_path / "net", options)
