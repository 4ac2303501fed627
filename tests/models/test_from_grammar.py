"""The lectures' notation against an expansion written by hand, published counts, and the place of each error."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnncourse import models
from cnncourse.models import from_grammar
from cnncourse.models.grammar import expand


def names(text: str, optional: Any = True, **numbers: int) -> list[str]:
    return [word.name for word in expand(text, numbers, optional)]


Tree = Any  # a word, or (parts, times, maybe, bracket)


def trees() -> st.SearchStrategy[list[Tree]]:
    word = st.sampled_from(["CONV", "RELU", "BN", "POOL", "DROPOUT"])
    return st.recursive(
        st.lists(word, min_size=1, max_size=3),
        lambda inner: st.lists(
            st.one_of(word, st.tuples(inner, st.integers(1, 3), st.booleans(), st.sampled_from(["()", "[]"]))),
            min_size=1,
            max_size=3,
        ),
        max_leaves=4,
    )


def written(parts: list[Tree], data: st.DataObject) -> str:
    """The text for a tree, with spaces, case, signs and numbers as a person may choose them."""

    def space() -> str:
        return data.draw(st.sampled_from(["", "", " ", "  "]))

    def one(part: Tree) -> str:
        if isinstance(part, str):
            return data.draw(st.sampled_from([part, part.lower(), part.title()]))
        inside, times, maybe, bracket = part
        sign = data.draw(st.sampled_from(["*", "×", "x", "·"]))
        number = f"{space()}{sign}{space()}{times}" if times > 1 or data.draw(st.booleans()) else ""
        return f"{bracket[0]}{space()}{written(inside, data)}{space()}{bracket[1]}{number}{'?' * maybe}"

    joins = ["-", "→", "->", " – "]
    text = one(parts[0])
    for part in parts[1:]:
        text += f"{space()}{data.draw(st.sampled_from(joins))}{space()}{one(part)}"
    return text


def flat(parts: list[Tree], there: bool) -> list[str]:
    """The words of a tree, if the parts with ? are all there, or are not."""
    words: list[str] = []
    for part in parts:
        if isinstance(part, str):
            words.append(part)
        elif there or not part[2]:
            words += flat(part[0], there) * part[1]
    return words


@given(trees(), st.data(), st.booleans())
def test_what_is_written_is_read(tree: list[Tree], data: st.DataObject, there: bool) -> None:
    text, expected = written(tree, data), flat(tree, there)
    if expected:
        assert names(text, there) == expected
    else:
        with pytest.raises(ValueError, match="no layer is left"):
            names(text, there)


@given(st.text(alphabet="CONVPLxX()[]*?-2N 0→", max_size=20))
def test_whatever_is_written_gives_words_or_points_at_a_character(text: str) -> None:
    try:
        assert names(text, N=2 if "*N" in text else 1)
    except ValueError as error:
        if "no *N" not in str(error):
            *_, shown, caret = str(error).splitlines()
            assert shown == f"    {text}"
            assert caret.strip() == "^"
            assert 4 <= len(caret) - 1 <= 4 + len(text)


def test_numbers_by_name_and_parts_that_may_be_missing() -> None:
    text = "[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX"
    once = ["CONV", "RELU", "CONV", "RELU"]
    assert names(text, N=2, M=2, K=1) == [*once, "POOL", *once, "POOL", "FC", "RELU", "SOFTMAX"]
    assert names(text, False, N=2, M=2, K=0) == [*once, *once, "SOFTMAX"]
    assert names(text, [False, True], N=1, M=2, K=0) == ["CONV", "RELU", "CONV", "RELU", "POOL", "SOFTMAX"]
    assert names("(CONV-POOL?)?-FC", [True, False]) == ["CONV", "FC"]
    assert names("(CONV-POOL?)?-FC", [False]) == ["FC"]
    assert names("CONVx2-poolX3") == ["CONV"] * 2 + ["POOL"] * 3


ERRORS = [
    ("[(CNV-RELU)*2-POOL]*3", "C", 2, "unknown layer 'CNV'; did you mean CONV\\?"),
    ("CONV-QQQQ", "Q", 5, "unknown layer 'QQQQ'; expected one of INPUT, CONV"),
    ("[(CONV-RELU)*2-POOL*3", "[", 0, r"'\[' is never closed; expected '\]'"),
    ("(  (CONV - RELU", "(", 3, r"'\(' is never closed"),
    ("[(CONV-RELU]*2", "]", 11, r"'\]' closes another bracket; expected '\)'"),
    ("CONV)-FC", ")", 4, r"'\)' closes nothing"),
    ("CONV FC", "F", 5, "'F' is not expected here"),
    ("(CONV FC)", "F", 6, "'F' is not expected here; expected '\\)'"),
    ("CONV--FC", "-", 5, "'-', where a layer or an opening bracket is expected"),
    ("CONV-", "", 5, "the end, where a layer"),
    ("", "", 0, "the end, where a layer"),
    ("CONV*0", "0", 5, "0 times; expected 1 to 1,000"),
    ("CONV*5000-FC", "5", 5, "5000 times"),
    ("CONV*99999999999999999999", "9", 5, "times; expected"),
    ("CONV*-FC", "-", 5, r"no number behind the \*"),
    ("CONV*P-FC", "P", 5, r"no number is given for P; expected from_grammar\(\.\.\., P=2\)"),
    ("[CONV*100]*20-FC", "2", 11, "2,001 layers; expected at most 1,000"),
    ("(CONV*9)*9-[CONV*100]*20-FC", "2", 22, "2,082 layers"),
    ("CONV-FC-CONV", "C", 8, "CONV behind FC"),
    ("CONV-FC-POOL", "P", 8, "POOL behind FC"),
    ("CONV-FC-LRN-FC", "L", 8, "LRN behind FC"),
    ("[CONV-POOL]*6-FC", "P", 6, "the map is 1 × 1 here, smaller than the window 2 × 2 of POOL .stage 6"),
    ("SOFTMAX-FC", "S", 0, "SOFTMAX in the middle"),
    ("CONV-INPUT", "I", 5, "INPUT in the middle"),
]


@pytest.mark.parametrize(("text", "sign", "place", "message"), ERRORS, ids=[error[0] for error in ERRORS])
def test_an_error_points_at_its_character(text: str, sign: str, place: int, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        from_grammar(text, channels=2)
    *_, shown, caret = str(caught.value).splitlines()
    assert shown == f"    {text}"
    assert caret == " " * (4 + place) + "^"
    assert text[place : place + 1] == sign, "the test's own place"


def test_too_large_is_said_before_memory_is_taken() -> None:
    with pytest.raises(ValueError, match="expected at most max_parameters=200,000,000"):
        from_grammar("CONV-FC-FC", hidden=10**6)
    with pytest.raises(ValueError, match="expected at most max_parameters=1,000"):
        from_grammar("CONV-CONV", max_parameters=1000)
    with pytest.raises(ValueError, match="too large for any machine"):
        from_grammar("CONV-CONV", channels=2**62)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"kernel_size": [3]}, ValueError, "kernel_size has 1 numbers; expected 2, one for each such layer"),
        ({"channels": [3, 4, 5]}, ValueError, "channels has 3 numbers; expected 2"),
        ({"hidden": [3, 4]}, ValueError, "hidden has 2 numbers; expected 1"),
        ({"stride": 0}, ValueError, "stride is 0"),
        ({"channels": 2.5}, TypeError, r"channels is 2\.5"),
        ({"input_size": (8, 8, 8)}, ValueError, "input_size"),
        ({"num_classes": 0}, ValueError, "num_classes is 0"),
        ({"dropout": 1.0}, ValueError, r"dropout is 1\.0"),
        ({"Q": 2}, ValueError, r"a number is given for Q, but .* has no \*Q"),
        ({"N": 1.5}, TypeError, r"N is 1\.5"),
        ({"optional": [True]}, ValueError, "optional has no answer left"),
        ({"pool_size": [2, 2, 2]}, ValueError, "pool_size has 3 numbers; expected 2"),
        ({"pool_stride": 0}, ValueError, "pool_stride is 0"),
        ({"dilation": 0}, ValueError, "dilation is 0"),
        ({"groups": 2}, ValueError, "groups=2 does not divide 3 channels in and 32 out"),
        ({"padding": "valid"}, ValueError, "padding is 'valid'; expected whole numbers or 'same'"),
        ({"padding": ["same"]}, ValueError, "padding has 1 numbers; expected 2"),
        ({"padding": "same", "stride": 2}, ValueError, "padding='same' with stride 2"),
        ({"optional": [True] * 3}, ValueError, "more than is asked"),
    ],
)
def test_bad_arguments(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        from_grammar("[CONV-POOL?]*N-FC-RELU-SOFTMAX", **{"N": 2, **options})


def test_an_answer_that_is_missing_is_pointed_at() -> None:
    with pytest.raises(ValueError, match="no answer left for this") as caught:
        from_grammar("CONV*2?-FC", optional=[True])
    assert str(caught.value).endswith("\n    CONV*2?-FC\n          ^")


def test_text_must_be_text() -> None:
    with pytest.raises(TypeError, match="text is a list"):
        from_grammar(["CONV"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="softmax=True, but the text ends in features"):
        from_grammar("CONV-RELU", softmax=True)


def sizes(net: nn.Sequential, *size: int) -> list[tuple[int, ...]]:
    """The shape behind each layer that changes it."""
    x, shapes = torch.zeros(1, *size, device="meta"), list[tuple[int, ...]]()
    for layer in net.to("meta").eval():
        before, x = x.shape, layer(x)
        if x.shape != before:
            shapes.append(tuple(x.shape[1:]))
    return shapes


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_the_lectures_lenet() -> None:
    net = from_grammar("[CONV-POOL-CONV-POOL-CONV-FC]", in_channels=1, channels=[6, 16, 120], kernel_size=5, padding=0)
    assert list(dict(net.named_children())) == ["conv1_1", "pool1", "conv2_1", "pool2", "conv3_1", "flatten", "logits"]
    assert sizes(net, 1, 32, 32) == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1), (120,), (10,)]


def test_the_lectures_exercise() -> None:
    net = from_grammar("[CONV-POOL]*2-FC-SOFTMAX", input_size=256, channels=[16, 32], kernel_size=4, padding="same",
                       pool_size=4)  # fmt: skip
    assert sizes(net, 3, 256, 256) == [(16, 256, 256), (16, 64, 64), (32, 64, 64), (32, 16, 16), (8192,), (10,)]
    assert [p.numel() for p in net.parameters() if p.dim() > 1] == [768, 8192, 81920]


def test_same_keeps_the_map_and_puts_the_odd_row_behind() -> None:
    net = from_grammar("CONV*3", channels=4, kernel_size=[4, 3, 2], dilation=[1, 2, 3], padding=["same", "same", 0],
                       groups=[1, 4, 2], input_size=(9, 12))  # fmt: skip
    first, second, third = net
    x = torch.randn(2, 3, 9, 12)
    expected = torch.nn.functional.conv2d(torch.nn.functional.pad(x, (1, 2, 1, 2)), first.weight, first.bias)
    torch.testing.assert_close(first(x), expected)
    assert isinstance(second, nn.Conv2d)
    assert (second.padding, second.dilation, second.groups, third.groups) == ((2, 2), (2, 2), 4, 2)
    assert sizes(net, 3, 9, 12) == [(4, 9, 12), (4, 6, 9)]
    with pytest.raises(ValueError, match="the map is 3 × 3 here, smaller than the window 5 × 5"):
        from_grammar("CONV", dilation=2, padding=0, input_size=3)


def test_windows_of_pooling_one_by_one() -> None:
    net = from_grammar("CONV-POOL-AVGPOOL", channels=2, pool_size=[3, 2], pool_stride=[2, 1], input_size=11)
    assert sizes(net, 3, 11, 11) == [(2, 11, 11), (2, 5, 5), (2, 4, 4)]


def test_alexnet_in_the_notation() -> None:
    with torch.device("meta"):
        net = from_grammar(
            "(CONV-RELU-NORM-POOL)*2-(CONV-RELU)*3-POOL-(FC-RELU-DROPOUT)*2-SOFTMAX",
            input_size=227, num_classes=1000, channels=[96, 256, 384, 384, 256], kernel_size=[11, 5, 3, 3, 3],
            stride=[4, 1, 1, 1, 1], padding=[0, 2, 1, 1, 1], pool_size=3, pool_stride=2, hidden=4096,
        )  # fmt: skip
        assert count(net) == count(models.alexnet_2012(groups=1)) == 62_378_344
    assert sizes(net, 3, 227, 227) == [
        (96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6),
        (9216,), (4096,), (1000,),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("[CONV-RELU-POOL]*2-[(CONV-RELU)*2-POOL]*3-(FC-RELU)*2-SOFTMAX", 132_863_336),
        ("[(CONV-RELU)×2 → POOL]×2 → [(CONV-RELU)×3 → POOL]×3 → (FC-RELU)×2 → FC", 138_357_544),
        ("[(conv-bn-relu)*2-pool]*2-[(conv-bn-relu)*3-pool]*3-(fc-relu)*2-softmax", 138_365_992),
    ],
)
def test_vgg_in_the_notation(text: str, parameters: int) -> None:
    with torch.device("meta"):
        net = from_grammar(text, input_size=224, num_classes=1000, channels=64, hidden=4096)
    assert count(net) == parameters


def test_one_layer_gives_the_scores() -> None:
    for text, softmax in (("CONV-SOFTMAX", False), ("CONV-FC", False), ("CONV-FC-SOFTMAX", True), ("CONV-FC", True)):
        net = from_grammar(text, num_classes=4, softmax=softmax, input_size=(6, 5), channels=2)
        assert [m.out_features for m in net if isinstance(m, nn.Linear)] == [4]
        assert isinstance(net.get_submodule("logits"), nn.Linear)
        y = net(torch.randn(3, 3, 6, 5))
        assert ("probs" in dict(net.named_children())) == softmax
        assert torch.allclose(y.sum(dim=1), torch.ones(3)) == softmax
    two = from_grammar("CONV-(FC-RELU)*2-FC-SOFTMAX", hidden=[9, 8], channels=2)
    assert [m.out_features for m in two if isinstance(m, nn.Linear)] == [9, 8, 10]


def test_every_word_has_its_layer() -> None:
    text = "INPUT-CONV-BN-RELU-NORM-POOL-CONV-TANH-LRN-AVGPOOL-CONV-SIGMOID-MAXPOOL-DROPOUT-CONV-GAP"
    text += "-FC-BN-RELU-DROPOUT-SOFTMAX"
    net = from_grammar(text, channels=4, max_channels=12, input_size=(16, 24), dropout=0.25)
    assert [(name, type(layer).__name__) for name, layer in net.named_children()] == [
        ("conv1_1", "Conv2d"), ("bn1_1", "BatchNorm2d"), ("relu1_1", "ReLU"), ("norm1_1", "LocalResponseNorm"),
        ("pool1", "MaxPool2d"), ("conv2_1", "Conv2d"), ("tanh2_1", "Tanh"), ("norm2_1", "LocalResponseNorm"),
        ("pool2", "AvgPool2d"), ("conv3_1", "Conv2d"), ("sigmoid3_1", "Sigmoid"), ("pool3", "MaxPool2d"),
        ("drop4_0", "Dropout"), ("conv4_1", "Conv2d"), ("gap", "AdaptiveAvgPool2d"), ("flatten", "Flatten"),
        ("fc1", "Linear"), ("bn_fc1", "BatchNorm1d"), ("relu_fc1", "ReLU"), ("drop_fc1", "Dropout"),
        ("logits", "Linear"),
    ]  # fmt: skip
    assert [m.out_channels for m in net if isinstance(m, nn.Conv2d)] == [4, 8, 12, 12]
    assert [m.p for m in net if isinstance(m, nn.Dropout)] == [0.25, 0.25]
    assert tuple(net(torch.randn(2, 3, 16, 24)).shape) == (2, 10)


def test_two_of_a_kind_get_two_names() -> None:
    assert list(dict(from_grammar("CONV-RELU-RELU", channels=2).named_children())) == [
        "conv1_1",
        "relu1_1",
        "relu1_1_2",
    ]


def test_same_seed_same_net_with_hes_deviation() -> None:
    nets = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        nets.append(from_grammar("(CONV-RELU)*2-GAP-SOFTMAX", channels=64))
    first, again, other = (net.get_submodule("conv1_2") for net in nets)
    assert isinstance(first, nn.Conv2d)
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)
    assert first.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)
    assert first.bias is not None
    assert not first.bias.any()
