"""Lesson 03 by matrix products, masks and recursion."""

import torch


def graph_order(graph):
    """A depth-first walk: a node is written down when all below it has been."""
    done = {}

    def visit(node):
        if node not in done:
            for k in graph[node][1]:
                visit(k)
            done[node] = len(done)

    for node in reversed(range(len(graph))):
        visit(node)
    return tuple(done)


def graph_forward(graph, order, values):
    values = values[:]

    def value(node):
        if values[node] is None:
            op, inputs = graph[node]
            known = list(map(value, inputs))
            values[node] = {"add": sum, "mul": product, "max": max, "inv": lambda v: 1.0 / v[0]}[op](known)
        return values[node]

    return [value(node) for node in range(len(graph))]


def product(numbers):
    return numbers[0] * numbers[1]


def graph_backward(graph, order, values, output):
    """Asks each node for its gradient: the sum over all that use it."""
    users = [[] for _ in graph]
    for node, (op, inputs) in enumerate(graph):
        for place, k in enumerate(inputs):
            other = values[inputs[1 - place]] if len(inputs) == 2 else None
            local = {
                "add": lambda a, b: 1.0,
                "mul": lambda a, b: b,
                "max": lambda a, b: float(a > b),
                "inv": lambda a, b: -1 / (a * a),
            }[op](values[k], other)
            users[k].append((node, local))
    found = {}

    def gradient(node):
        if node not in found:
            parts = [gradient(user) * local for user, local in users[node]]
            found[node] = sum(parts) + (node == output)
        return found[node]

    return [float(gradient(node)) for node in range(len(graph))]


def one_hot(labels, logits):
    return (labels[:, None] == torch.arange(logits.shape[1])).to(logits.dtype)


def cross_entropy(logits, labels):
    """From the differences to the right logit: log of the sum of exp of z_k - z_t."""
    right = (logits * one_hot(labels, logits)).sum(1, keepdim=True)
    gap = logits - right
    most = gap.max(1).values
    losses = most + (gap - most[:, None]).exp().sum(1).log()
    return losses.sum() / losses.numel()


def cross_entropy_grad(logits, labels):
    """p_c = 1 / (sum over k of exp(z_k - z_c)): an infinite sum gives 0."""
    gaps = logits[:, None, :] - logits[:, :, None]
    p = 1 / gaps.exp().sum(2)
    return (p - one_hot(labels, logits)).div(len(logits))


def sgd_step(p, g, v, lr, momentum, weight_decay):
    p, v = p.clone(), v.clone()
    v.mul_(momentum).add_(g).add_(p, alpha=weight_decay)
    p.sub_(lr * v)
    return [p, v]


def dropout(x, mask, p, training):
    if training:
        return torch.where(mask, x, 0) * (1 / (1 - p))
    return x


def dropout_backward(grad_output, mask, p, training):
    keep = 1 - p
    return grad_output.masked_fill(mask.logical_not(), 0.0).div(keep) if training else grad_output.clone()


def batch_norm(x, weight, bias, running_mean, running_var, training, eps=1e-5):
    """As one gain and one shift a channel; the variance as the mean square minus the squared mean."""
    if training:
        running_mean = torch.einsum("nchw->c", x) / x[:, 0].numel()
        running_var = torch.einsum("nchw,nchw->c", x, x) / x[:, 0].numel() - running_mean**2
    gain = weight / (running_var + eps).sqrt()
    shift = bias - gain * running_mean
    return torch.einsum("nchw,c->nchw", x, gain) + shift.view(1, -1, 1, 1)


def running_statistics(x, running_mean, running_var, momentum=0.1):
    M = x.numel() // x.shape[1]
    batch = x.permute(1, 0, 2, 3).reshape(-1, M)
    centred = batch - batch.mean(dim=1, keepdim=True)
    var = torch.linalg.vector_norm(centred, dim=1) ** 2 / (M - 1)
    keep = 1 - momentum
    return keep * running_mean + momentum * batch.mean(dim=1), keep * running_var + momentum * var


def batch_norm_backward(grad_output, x, weight, eps=1e-5):
    """Each channel as a vector: what lies along (1, ..., 1) and along z is taken out of the gradient."""
    N, C, H, W = x.shape
    X, G = (t.transpose(0, 1).reshape(C, -1) for t in (x, grad_output))
    s = (X.var(dim=1, correction=0) + eps).sqrt()
    Z = (X - X.mean(dim=1, keepdim=True)) / s[:, None]
    dw = torch.einsum("cm,cm->c", G, Z)
    along = torch.einsum("c,cm->cm", dw, Z) / X.shape[1]
    D = (G - G.mean(dim=1, keepdim=True) - along) * (weight / s)[:, None]
    return D.reshape(C, N, H, W).transpose(0, 1), dw, G.sum(dim=1)


def flip(image, boxes):
    matrix = torch.eye(4, dtype=boxes.dtype)[[2, 1, 0, 3]] * boxes.new_tensor([-1, 1, -1, 1])
    return image[..., torch.arange(image.shape[2]).flip(0)], boxes @ matrix + boxes.new_tensor(
        [image.shape[2], 0, image.shape[2], 0]
    )


def crop(image, boxes, labels, top, left, height, width):
    """Clip in the old image, drop, and move at the end."""
    low, high = boxes.new_tensor([left, top]), boxes.new_tensor([left + width, top + height])
    first, second = torch.maximum(boxes[:, :2], low), torch.minimum(boxes[:, 2:], high)
    rows = [n for n in range(len(boxes)) if bool((second[n] > first[n]).all())]
    kept = torch.cat([first - low, second - low], dim=1)[rows]
    return image.narrow(-2, top, height).narrow(-1, left, width), kept, labels[rows]
