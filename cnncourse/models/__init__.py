"""Architectures, one a file, built on `torch.nn`.

A class (`VGG`) has the layer table in its docstring; a function (`vgg16`) builds one of its published forms. Functions
take num_classes, in_channels where the net does not fix it, and weights: None, "imagenet" for the official ones, or the
path of a state dict. Where torchvision has the model, state dicts interchange with its own; where the paper had another
form, that has a name (`alexnet_2012`, `googlenet_2014`) or an argument (`stride_on`) of its own. `from_grammar` builds
what the lectures' notation describes.

A large net without memory for its numbers, to count or to look at:

>>> import torch
>>> with torch.device("meta"):
...     net = vgg16()
>>> sum(p.numel() for p in net.parameters())
138357544
"""

from __future__ import annotations

from cnncourse.models.alexnet import AlexNet, AlexNet2012, alexnet, alexnet_2012
from cnncourse.models.alphago import AlphaGoPolicy, alphago_policy
from cnncourse.models.built import from_grammar
from cnncourse.models.cifar_resnet import CifarResNet, cifar_plain, cifar_resnet
from cnncourse.models.densenet import DenseNet, densenet121, densenet161, densenet169, densenet201
from cnncourse.models.googlenet import GoogLeNet, GoogLeNetOutputs, googlenet
from cnncourse.models.googlenet_2014 import GoogLeNet2014, googlenet_2014
from cnncourse.models.lenet import LeNet5, lenet5
from cnncourse.models.nin import NiN, nin
from cnncourse.models.resnet import ResNet, plain18, plain34, resnet18, resnet34, resnet50, resnet101, resnet152
from cnncourse.models.small import SmallNet, SmallResNet, small_alexnet, small_resnet, small_vgg, small_vgg_from
from cnncourse.models.vgg import (
    VGG,
    vgg11,
    vgg11_bn,
    vgg11_lrn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_1x1,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)
from cnncourse.models.weights import DownloadError, OfflineError
from cnncourse.models.zfnet import ZFNet, zfnet

__all__ = [
    "VGG",
    "AlexNet",
    "AlexNet2012",
    "AlphaGoPolicy",
    "CifarResNet",
    "DenseNet",
    "DownloadError",
    "GoogLeNet",
    "GoogLeNet2014",
    "GoogLeNetOutputs",
    "LeNet5",
    "NiN",
    "OfflineError",
    "ResNet",
    "SmallNet",
    "SmallResNet",
    "ZFNet",
    "alexnet",
    "alexnet_2012",
    "alphago_policy",
    "cifar_plain",
    "cifar_resnet",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "from_grammar",
    "googlenet",
    "googlenet_2014",
    "lenet5",
    "nin",
    "plain18",
    "plain34",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "small_alexnet",
    "small_resnet",
    "small_vgg",
    "small_vgg_from",
    "vgg11",
    "vgg11_bn",
    "vgg11_lrn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_1x1",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "zfnet",
]
