"""Activations, normalisation, linear, dropout, losses as modules: torch's arguments, names, state dicts, training."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import torch
from layer_oracle import Drawn
from torch import Tensor, nn
from torch.testing import assert_close

from cnncourse import layers, receptive_field, swap, to_reference

# Class, arguments, and the shape of an input.
MODULES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("ReLU", {}, (3, 4)), ("ReLU", {"inplace": True}, (3, 4)), ("LeakyReLU", {"negative_slope": 0.2}, (3, 4)),
    ("LeakyReLU", {"inplace": True}, (3, 4)), ("PReLU", {}, (3, 4)), ("PReLU", {"num_parameters": 4}, (3, 4, 2)),
    ("ELU", {"alpha": 2.0}, (5,)), ("ELU", {"inplace": True}, (5,)), ("SELU", {}, (5,)),
    ("SELU", {"inplace": True}, ()),
    ("GELU", {}, (5,)), ("GELU", {"approximate": "tanh"}, (5,)), ("SiLU", {}, (5,)), ("SiLU", {"inplace": True}, (5,)),
    ("Softplus", {"beta": 2.0, "threshold": 5.0}, (5,)), ("Sigmoid", {}, (5,)), ("Tanh", {}, (5,)),
    ("Softmax", {"dim": 1}, (3, 4)), ("LogSoftmax", {"dim": 0}, (3, 4)), ("Dropout", {"p": 0.3}, (30,)),
    ("Dropout", {"p": 0.3, "inplace": True}, (30,)), ("Linear", {"in_features": 4, "out_features": 2}, (2, 3, 4)),
    ("Linear", {"in_features": 4, "out_features": 2, "bias": False}, (4,)),
    ("BatchNorm1d", {"num_features": 4}, (3, 4)), ("BatchNorm1d", {"num_features": 4, "affine": False}, (3, 4, 5)),
    ("BatchNorm2d", {"num_features": 4, "momentum": 0.3, "eps": 0.01}, (2, 4, 3, 5)),
    ("BatchNorm2d", {"num_features": 4, "momentum": None}, (2, 4, 3, 5)),
    ("BatchNorm2d", {"num_features": 4, "bias": False}, (2, 4, 3, 5)),
    ("BatchNorm2d", {"num_features": 4, "track_running_stats": False}, (2, 4, 3, 5)),
    ("BatchNorm3d", {"num_features": 4}, (2, 4, 3, 2, 2)),
    ("LocalResponseNorm", {"size": 3, "alpha": 0.5, "beta": 0.6, "k": 2.0}, (2, 4, 3)),
]  # fmt: skip
IDS = [f"{name}-{options}" for name, options, _ in MODULES]


@pytest.mark.parametrize(("name", "options", "shape"), MODULES, ids=IDS)
@pytest.mark.parametrize("training", [True, False])
def test_it_is_torchs(name: str, options: dict[str, Any], shape: tuple[int, ...], training: bool) -> None:
    torch.manual_seed(3)
    theirs = getattr(nn, name)(**options).double().train(training)
    torch.manual_seed(3)
    ours = getattr(layers, name)(**options).double().train(training)
    assert repr(ours) == repr(theirs)
    assert_close(ours.state_dict(), theirs.state_dict())  # the same initial values from the same seed
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    for seed in range(3):  # running statistics follow, step by step
        results = []
        for module in (ours, theirs):
            x = Drawn(shape, seed=seed).tensor()
            torch.manual_seed(seed)
            y = module(2 * x)  # not a leaf, so that it may be written over
            results.append([y, torch.autograd.grad(y.square().sum(), [x, *module.parameters()])])
        assert_close(*results, rtol=1e-10, atol=1e-12)
        assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-14, atol=1e-15)
    other = getattr(nn, name)(**options).double()
    other.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())


@pytest.mark.parametrize("name", sorted({name for name, _, _ in MODULES} - {"Sigmoid", "Tanh"} | {"MSELoss"}))
def test_arguments_have_torchs_names_order_and_defaults(name: str) -> None:
    def told(kind: Any) -> list[tuple[str, Any]]:
        return [(p.name, p.default) for p in inspect.signature(kind).parameters.values()]

    assert told(getattr(layers, name)) == told(getattr(nn, name))


FUNCTIONS = [
    "relu", "leaky_relu", "elu", "selu", "silu", "softmax", "log_softmax", "cross_entropy", "mse_loss", "batch_norm",
    "dropout", "local_response_norm", "sigmoid", "tanh",
]  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_torchs_arguments(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(f, name)).parameters for f in (layers, nn.functional))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


LOSSES: list[tuple[str, dict[str, Any]]] = [
    ("CrossEntropyLoss", {}), ("CrossEntropyLoss", {"ignore_index": 1, "label_smoothing": 0.1, "reduction": "sum"}),
    ("CrossEntropyLoss", {"weight": torch.tensor([1.0, 2.0, 0.5]).double()}), ("MSELoss", {"reduction": "none"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), LOSSES)
def test_losses_are_torchs(name: str, options: dict[str, Any]) -> None:
    ours, theirs, x = getattr(layers, name)(**options), getattr(nn, name)(**options), Drawn((4, 3)).tensor()
    target = torch.tensor([0, 1, 2, 2]) if name == "CrossEntropyLoss" else torch.ones_like(x)
    assert_close(ours(x, target), theirs(x, target))
    assert repr(ours) == repr(theirs)
    assert_close(ours.state_dict(), theirs.state_dict())
    with pytest.raises(ValueError, match="reduction is 'max'"):
        getattr(layers, name)(reduction="max")


def test_weights_from_before_batches_were_counted_load() -> None:
    ours, theirs = layers.BatchNorm2d(2), nn.BatchNorm2d(2)
    old = {name: value + 1 for name, value in theirs.state_dict().items() if name != "num_batches_tracked"}
    for module in (ours, theirs):
        module.load_state_dict(dict(old))  # a plain dict: without a version
    assert_close(ours.state_dict(), theirs.state_dict())
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        layers.BatchNorm2d(2).load_state_dict(_without(ours, "num_batches_tracked"))


def _without(module: nn.Module, name: str) -> Any:
    """The state dict of today's version, one entry short."""
    state = module.state_dict()
    del state[name]
    return state


def test_batch_norm_resets_copies_and_moves() -> None:
    norm = layers.BatchNorm1d(3)
    norm(torch.randn(4, 3))
    fresh = copy.deepcopy(norm)
    fresh.reset_parameters()
    assert_close(fresh.state_dict(), layers.BatchNorm1d(3).state_dict())
    assert norm.num_batches_tracked == 1
    assert layers.BatchNorm1d(3, device="meta").running_mean.is_meta  # type: ignore[union-attr]
    assert norm.double()(torch.randn(4, 3).double()).dtype == torch.float64


@pytest.mark.parametrize(("kind", "shape"), [("1d", (2, 3, 4, 4)), ("2d", (2, 3, 4)), ("3d", (2, 3, 4, 4))])
def test_batch_norm_says_which_axes_it_takes(kind: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"BatchNorm{kind}: input has shape.*expected .* axes"):
        getattr(layers, f"BatchNorm{kind}")(3)(torch.zeros(shape))


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.LocalResponseNorm(3),
        nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6, momentum=None), nn.PReLU(), nn.Linear(6, 3),
    ).double()  # fmt: skip


def trained(model: nn.Module, loss: nn.Module) -> list[Any]:
    """Losses, and weights and statistics after five steps; the same numbers and masks for every model."""
    torch.manual_seed(11)
    optimizer, history = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), []
    for _ in range(5):
        x, t = torch.randn(8, 2, 6, 6, dtype=torch.float64), torch.randint(0, 3, (8,))
        optimizer.zero_grad()
        step = loss(model(x), t)
        step.backward()
        optimizer.step()
        history.append(step.detach())
    return [history, {name: value.clone() for name, value in model.state_dict().items()}]


def test_a_network_trains_the_same_on_our_layers() -> None:
    model = net()
    ours = to_reference(copy.deepcopy(model))
    assert all(type(m).__module__.startswith("cnncourse") or isinstance(m, nn.Flatten)
               for m in ours.children())  # fmt: skip
    want = trained(model, nn.CrossEntropyLoss(label_smoothing=0.1))
    got = trained(ours, to_reference(nn.CrossEntropyLoss(label_smoothing=0.1)))
    assert_close(got, want, rtol=1e-10, atol=1e-12)
    assert want[0][0] != want[0][-1]
    x = torch.randn(3, 2, 6, 6, dtype=torch.float64)
    assert_close(ours.eval()(x), model.eval()(x), rtol=1e-10, atol=1e-12)


def test_parameters_and_buffers_are_shared() -> None:
    model = net()
    ours = to_reference(model)
    for kind in ("named_parameters", "named_buffers"):
        mine, theirs = dict(getattr(ours, kind)()), dict(getattr(model, kind)())
        assert mine.keys() == theirs.keys()
        assert all(mine[name] is theirs[name] for name in mine)
    ours(torch.randn(4, 2, 6, 6).double())
    assert model[1].num_batches_tracked == 1  # one network's training moves the other's statistics
    assert float(model[1].running_mean.abs().sum()) > 0
    weight = torch.tensor([1.0, 2.0])
    assert to_reference(nn.CrossEntropyLoss(weight)).weight is weight


@pytest.mark.parametrize("options", [{"affine": False}, {"track_running_stats": False}, {"momentum": None}])
def test_every_kind_of_batch_norm_is_swapped(options: dict[str, Any]) -> None:
    theirs = nn.BatchNorm1d(3, **options)
    ours = swap(theirs, {nn.BatchNorm1d: layers.BatchNorm1d})
    assert isinstance(ours, layers.BatchNorm1d)
    assert repr(ours) == repr(theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys()


def test_the_receptive_field_is_followed_through_our_layers() -> None:
    convolutions = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), *(
        getattr(nn, name)(**options) for name, options, shape in MODULES
        if name not in ("Linear", "Softmax", "LogSoftmax", "BatchNorm1d", "BatchNorm3d")
    ), nn.Conv2d(4, 2, 3, stride=2))  # fmt: skip
    assert receptive_field(to_reference(convolutions)) == receptive_field(convolutions)
    seen: Tensor = to_reference(convolutions).eval()(torch.rand(1, 1, 8, 8))
    assert seen.shape == (1, 2, 3, 3)
    with pytest.raises(ValueError, match="Linear"):
        receptive_field(nn.Sequential(layers.Conv2d(1, 1, 3), layers.Linear(4, 4)), "1")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "Dropout": ({"p": 2}, "Dropout: p is 2"),
    "PReLU": ({"num_parameters": 0}, "PReLU: num_parameters is 0"),
    "Linear": ({"in_features": -1, "out_features": 1}, "Linear: in_features is -1"),
    "BatchNorm2d": ({"num_features": -1}, "BatchNorm2d: num_features is -1"),
    "LocalResponseNorm": ({"size": 0}, "LocalResponseNorm: size is 0"),
    "CrossEntropyLoss": ({"reduce": True}, "CrossEntropyLoss: size_average and reduce"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    options, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        getattr(layers, name)(**options)
