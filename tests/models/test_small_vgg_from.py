"""A small network rebuilt from its weights alone."""

from __future__ import annotations

import pytest
import torch

from cnncourse.models import small_alexnet, small_vgg, small_vgg_from


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize(("classes", "channels", "in_channels"), [(3, (2, 5), 3), (7, (4, 3, 6), 1)])
def test_the_same_network_comes_back(
    batch_norm: bool, classes: int, channels: tuple[int, ...], in_channels: int
) -> None:
    net = small_vgg(classes, batch_norm, channels=channels, in_channels=in_channels).double()
    again = small_vgg_from(net.state_dict())
    assert again.training
    assert all(p.requires_grad for p in again.parameters())
    x = torch.rand(3, in_channels, 10, 16, dtype=torch.float64)
    assert torch.equal(net.eval()(x), again.eval()(x))
    with torch.no_grad():
        again.classifier.bias += 1
    assert not torch.equal(net(x), again(x)), "the weights are copies"


def test_another_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"nothing.*features\.0\.weight"):
        small_vgg_from({})
    with pytest.raises(ValueError, match="no state of a small_vgg"):
        small_vgg_from(small_alexnet(3).state_dict())
    with pytest.raises(ValueError, match="no state of a small_vgg"):
        small_vgg_from({**small_vgg(2, channels=(2,)).state_dict(), "more": torch.zeros(1)})
