"""Lesson 05 step by step, with loops over layers, names and numbers."""

import torch
from torch import nn


def replace_head(state, classes):
    from cnncourse.models import small_vgg_from

    net = small_vgg_from(state)
    features = state["classifier.weight"].shape[1]
    head = nn.Linear(features, classes)
    with torch.no_grad():
        for c in range(classes):
            head.bias[c] = 0
            for k in range(features):
                head.weight[c, k] = 0
    net.classifier = head
    return net


class FeatureCache(nn.Module):
    def __init__(self, state):
        super().__init__()
        from cnncourse.models import small_vgg_from

        self.net = small_vgg_from(state)
        for p in self.net.parameters():
            p.requires_grad = False
        self.rows = {}

    def forward(self, images, numbers):
        result = []
        for image, number in zip(images, numbers, strict=True):
            if number not in self.rows:
                self.rows[number] = self.compute(image.detach())
            result.append(self.rows[number])
        return torch.stack(result)

    def compute(self, image):
        x = self.net.centre(image[None])
        for layer in self.net.features:
            layer.eval()
            x = layer(x)
        return x[0].flatten(1).sum(1) / x[0, 0].numel()


def training_work(layers, frozen, images, epochs, cached):
    total = 0
    for epoch in range(epochs):
        for number in range(len(layers)):
            if number < frozen and cached and epoch > 0:
                continue
            total += layers[number] * images
            if number >= frozen:
                total += layers[number] * images
            if number > frozen:
                total += layers[number] * images
    return total


class Frozen(nn.Module):
    def __init__(self, state, stages):
        super().__init__()
        from cnncourse.models import small_vgg_from

        self.net = small_vgg_from(state)
        self.stages = stages
        for number, layer in enumerate(self.net.features):
            if number < 7 * stages:
                for p in layer.parameters():
                    p.requires_grad = False
                layer.eval()

    def train(self, mode=True):
        super().train(mode)
        for stage in range(self.stages):
            for k in range(7):
                self.net.features[7 * stage + k].train(False)
        return self

    def forward(self, images):
        return self.net(images)


def parameter_groups(names, factors, lr):
    groups = []
    for name in names:
        rate = lr
        for prefix, factor in factors:
            parts, wanted = name.split("."), prefix.split(".")
            if parts[: len(wanted)] == wanted:
                rate = lr * factor
                break
        if rate == 0:
            continue
        for group in groups:
            if group["lr"] == rate:
                group["params"].append(name)
                break
        else:
            groups.append({"lr": rate, "params": [name]})
    return groups


def cheapest(scores):
    means = [float(sum(row)) / len(row) for row in scores.double()]
    best = 0
    for k in range(len(means)):
        if means[k] > means[best]:
            best = k
    n = scores.shape[1]
    squares = 0.0
    for value in scores[best].tolist():
        squares += (value - means[best]) ** 2
    error = (squares / (n - 1)) ** 0.5 / n**0.5
    for k in range(len(means)):
        if means[k] >= means[best] - error:
            break
    return k


def low_rank(weight, rank):
    C_out, C_in, H, W = weight.shape
    U, S, Vh = torch.linalg.svd(weight.reshape(C_out, C_in * H * W), full_matrices=True)
    first = torch.empty(rank, C_in, H, W, dtype=weight.dtype)
    second = torch.empty(C_out, rank, 1, 1, dtype=weight.dtype)
    for r in range(rank):
        first[r] = (S[r] * Vh[r]).reshape(C_in, H, W)
        for o in range(C_out):
            second[o, r, 0, 0] = U[o, r]
    return first, second


def rank_for(weight, share):
    squares = [float(s) ** 2 for s in torch.linalg.svd(weight.reshape(len(weight), -1)).S]
    for rank in range(1, len(squares) + 1):
        if sum(squares[:rank]) >= share * sum(squares):
            break
    return rank


def break_even(C_in, C_out, K):
    rank = 1
    while rank * K * K * C_in + rank * C_out < C_in * C_out * K * K:
        rank += 1
    return rank - 1
