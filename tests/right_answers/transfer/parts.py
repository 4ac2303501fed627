"""Lesson 05 with the network taken into parts: below and above the cut, old and new, eigenvectors for singular ones."""

import torch
from torch import nn


def replace_head(state, classes):
    from cnncourse.models import small_vgg, small_vgg_from

    old = small_vgg_from(state)
    widths = [old.features[k].out_channels for k in range(0, len(old.features), 7)]
    net = small_vgg(classes, channels=widths)
    net.features = old.features
    for p in net.classifier.parameters():
        p.data = torch.zeros_like(p)
    return net


class FeatureCache(nn.Module):
    def __init__(self, state):
        super().__init__()
        from cnncourse.models import small_vgg_from

        self.net = small_vgg_from(state)
        self.numbers = []
        self.table = None

    def train(self, mode=True):
        return super().train(False)

    def forward(self, images, numbers):
        self.train()
        new = [k for k in range(len(numbers)) if numbers[k] not in self.numbers]
        for k in new:
            with torch.no_grad():
                maps = self.net.features(self.net.centre(images[k : k + 1]))
                row = nn.functional.adaptive_avg_pool2d(maps, 1).reshape(1, -1)
            self.table = row if self.table is None else torch.cat([self.table, row])
            self.numbers.append(numbers[k])
        return self.table[[self.numbers.index(number) for number in numbers]]


def training_work(layers, frozen, images, epochs, cached):
    forward = sum(layers)
    by_weights = sum(layers[frozen:])
    by_input = sum(layers[frozen + 1 :])
    saved = (epochs - 1) * sum(layers[:frozen]) if cached else 0
    return images * (epochs * (forward + by_weights + by_input) - saved)


class Frozen(nn.Module):
    def __init__(self, state, stages):
        super().__init__()
        from cnncourse.models import small_vgg_from

        self.net = small_vgg_from(state)
        self.cut = 7 * stages
        for name, p in self.net.features.named_parameters():
            p.requires_grad_(int(name.split(".")[0]) >= self.cut)

    def forward(self, images):
        with torch.no_grad():
            maps = self.net.centre(images)
            for layer in self.net.features[: self.cut]:
                maps = layer.eval()(maps)
        for layer in self.net.features[self.cut :]:
            maps = layer(maps)
        return self.net.classifier(self.net.avgpool(maps).flatten(1))


def parameter_groups(names, factors, lr):
    rest, groups = list(names), {}
    for prefix, factor in [*factors, ("", 1)]:
        taken = [n for n in rest if not prefix or n == prefix or n.startswith(f"{prefix}.")]
        rest = [n for n in rest if n not in taken]
        if taken and factor:
            groups.setdefault(factor, []).extend(taken)
    return [{"params": params, "lr": lr * factor} for factor, params in groups.items()]


def cheapest(scores):
    means = scores.mean(dim=1).tolist()
    best = means.index(max(means))
    variance = ((scores[best] - means[best]) ** 2).sum() / (scores.shape[1] - 1)
    lowest = means[best] - float(variance / scores.shape[1]) ** 0.5
    return [mean >= lowest for mean in means].index(True)


def low_rank(weight, rank):
    W = weight.reshape(weight.shape[0], -1).double()
    values, vectors = torch.linalg.eigh(W.T @ W)
    V = vectors[:, values.argsort(descending=True)[:rank]]
    first = V.T.reshape(rank, *weight.shape[1:])
    second = (W @ V).reshape(-1, rank, 1, 1)
    return first.to(weight.dtype), second.to(weight.dtype)


def rank_for(weight, share):
    W = weight.flatten(1).double()
    values = torch.linalg.eigvalsh(W @ W.T).flip(0)
    missing = (1 - share) * values.sum()
    rank = len(values)
    while rank > 1 and values[rank - 1 :].sum() <= missing:
        rank -= 1
    return rank


def break_even(C_in, C_out, K):
    pays = [r for r in range(1, C_out + 1) if r * (C_in * K * K + C_out) < C_out * C_in * K * K]
    return max(pays, default=0)
