"""Lesson 03 with the gradients from autograd, through forward passes of its own."""

import torch


def graph_order(graph):
    """By the length of the longest way from an input."""
    depth = {}

    def longest(node):
        if node not in depth:
            depth[node] = max((1 + longest(k) for k in graph[node][1]), default=0)
        return depth[node]

    return sorted(range(len(graph)), key=longest)


OPS = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "max": lambda a, b: a if a > b else b,
    "inv": lambda a: 1 / a,
}


def graph_forward(graph, order, values):
    known = dict(enumerate(values))
    for node in order:
        op, inputs = graph[node]
        if op in OPS:
            known[node] = OPS[op](*(known[k] for k in inputs))
    return [known[k] for k in range(len(graph))]


def graph_backward(graph, order, values, output):
    nodes = {}
    for node in order:
        op, inputs = graph[node]
        if op == "input":
            nodes[node] = torch.tensor(float(values[node]), dtype=torch.float64, requires_grad=True)
        else:
            nodes[node] = OPS[op](*(nodes[k] for k in inputs)) + 0
        nodes[node].retain_grad()
    nodes[output].backward()
    return [0.0 if nodes[k].grad is None else nodes[k].grad.item() for k in range(len(graph))]


def cross_entropy(logits, labels):
    top = torch.amax(logits, 1)
    log_sum = top + torch.log(torch.sum(torch.exp(logits - top[:, None]), 1))
    right = torch.gather(logits, 1, labels[:, None])[:, 0]
    return torch.mean((log_sum - top) - (right - top))


def cross_entropy_grad(logits, labels):
    z = logits.clone().requires_grad_()
    return torch.autograd.grad(cross_entropy(z, labels), z)[0]


def sgd_step(p, g, v, lr, momentum, weight_decay):
    """The decay as the gradient of a penalty."""
    w = p.clone().requires_grad_()
    penalty = weight_decay / 2 * (w * w).sum() + (w * g).sum()
    (pull,) = torch.autograd.grad(penalty, w)
    v = torch.add(pull, v, alpha=momentum)
    return torch.sub(p, v, alpha=lr), v


def dropout(x, mask, p, training):
    factor = mask.to(x.dtype) / (1 - p) if training else torch.ones_like(x)
    return x * factor


def dropout_backward(grad_output, mask, p, training):
    x = torch.zeros_like(grad_output).requires_grad_()
    dropout(x, mask, p, training).backward(grad_output)
    return x.grad


def batch_norm(x, weight, bias, running_mean, running_var, training, eps=1e-5):
    N, C, H, W = x.shape
    rows = x.transpose(0, 1).reshape(C, -1)
    if training:
        var, mean = torch.var_mean(rows, dim=1, correction=0)
    else:
        var, mean = running_var, running_mean
    gain = weight * torch.rsqrt(var + eps)
    rows = (rows - mean[:, None]) * gain[:, None] + bias[:, None]
    return rows.reshape(C, N, H, W).transpose(0, 1)


def running_statistics(x, running_mean, running_var, momentum=0.1):
    rows = x.transpose(0, 1).flatten(1)
    return running_mean.lerp(rows.mean(1), momentum), running_var.lerp(rows.var(1), momentum)


def batch_norm_backward(grad_output, x, weight, eps=1e-5):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    bias = torch.zeros_like(weight).requires_grad_()
    y = batch_norm(x, weight, bias, None, None, True, eps)
    return torch.autograd.grad(y, (x, weight, bias), grad_output)


def flip(image, boxes):
    """x goes to W - x, then the smaller x comes first."""
    moved = boxes.clone()
    moved[:, [0, 2]] = image.shape[-1] - boxes[:, [0, 2]]
    moved[:, [0, 2]] = moved[:, [0, 2]].sort(dim=1).values
    return torch.flip(image, (-1,)), moved


def crop(image, boxes, labels, top, left, height, width):
    shift = boxes.new_tensor([left, top, left, top])
    limit = boxes.new_tensor([width, height, width, height])
    moved = torch.minimum((boxes - shift).clamp(min=0), limit)
    size = moved[:, 2:] - moved[:, :2]
    left_over = (size > 0).all(dim=1).nonzero().flatten()
    return image[:, top:, left:][:, :height, :width], moved[left_over], labels[left_over]
