"""Lesson 03 number by number, in plain Python."""

import math

import torch


def graph_order(graph):
    order = []
    waiting = list(range(len(graph)))
    while waiting:
        node = waiting.pop(0)
        ready = True
        for k in graph[node][1]:
            if k not in order:
                ready = False
        if ready:
            order.append(node)
        else:
            waiting.append(node)
    return order


def graph_forward(graph, order, values):
    result = []
    for v in values:
        result.append(v)
    for node in order:
        op, inputs = graph[node]
        if op == "input":
            continue
        a = result[inputs[0]]
        if op == "inv":
            result[node] = a**-1
            continue
        b = result[inputs[1]]
        if op == "add":
            result[node] = a + b
        if op == "mul":
            result[node] = a * b
        if op == "max":
            result[node] = a if a > b else b
    return result


def graph_backward(graph, order, values, output):
    grads = [0] * len(graph)
    grads[output] = 1
    for position in range(len(order) - 1, -1, -1):
        node = order[position]
        op, inputs = graph[node]
        for place in range(len(inputs)):
            this, other = inputs[place], inputs[-1 - place]
            if op == "add":
                local = 1
            elif op == "mul":
                local = values[other]
            elif op == "max":
                local = 1 if values[this] > values[other] else 0
            else:
                local = -(values[node] ** 2)
            grads[this] = grads[this] + local * grads[node]
    return grads


def cross_entropy(logits, labels):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        top = max(row)
        total += top + math.log(sum(math.exp(z - top) for z in row)) - row[label]
    return total / len(labels)


def cross_entropy_grad(logits, labels):
    result = torch.zeros_like(logits)
    for n in range(logits.shape[0]):
        e = [math.exp(float(z - max(logits[n]))) for z in logits[n]]
        for c in range(logits.shape[1]):
            result[n, c] = (e[c] / sum(e) - (1 if c == labels[n] else 0)) / logits.shape[0]
    return result


def sgd_step(p, g, v, lr, momentum, weight_decay):
    new_p, new_v = p.new_zeros(p.shape), v.new_zeros(v.shape)
    flat = zip(p.flatten(), g.flatten(), v.flatten(), strict=True)
    for k, (weight, gradient, speed) in enumerate(flat):
        speed = speed * momentum + gradient + weight * weight_decay
        new_v.view(-1)[k] = speed
        new_p.view(-1)[k] = weight - speed * lr
    return new_p, new_v


def dropout(x, mask, p, training):
    y = x.clone()
    if training:
        y[~mask] = 0
        y /= 1 - p
    return y


def dropout_backward(grad_output, mask, p, training):
    grad = grad_output.clone()
    if training:
        grad[mask] /= 1 - p
        grad[mask == 0] = 0
    return grad


def batch_norm(x, weight, bias, running_mean, running_var, training, eps=1e-5):
    y = torch.zeros_like(x)
    for c in range(x.shape[1]):
        channel = x[:, c]
        mu = channel.sum() / channel.numel() if training else running_mean[c]
        var = ((channel - mu) ** 2).sum() / channel.numel() if training else running_var[c]
        y[:, c] = (channel - mu) / (var + eps) ** 0.5 * weight[c] + bias[c]
    return y


def running_statistics(x, running_mean, running_var, momentum=0.1):
    means, variances = running_mean.clone(), running_var.clone()
    for c in range(x.shape[1]):
        channel = x[:, c].flatten()
        mu = channel.sum() / len(channel)
        var = ((channel - mu) ** 2).sum() / (len(channel) - 1)
        means[c] += momentum * (mu - means[c])
        variances[c] += momentum * (var - variances[c])
    return means, variances


def batch_norm_backward(grad_output, x, weight, eps=1e-5):
    dx, dw, db = torch.zeros_like(x), torch.zeros_like(weight), torch.zeros_like(weight)
    for c in range(x.shape[1]):
        g, channel = grad_output[:, c], x[:, c]
        M = channel.numel()
        mu = channel.mean()
        var = ((channel - mu) ** 2).mean()
        # step by step, as the graph has it
        dz = g * weight[c]
        dvar = (dz * (channel - mu)).sum() * -0.5 * (var + eps) ** -1.5
        dmu = -dz.sum() / (var + eps).sqrt()
        dx[:, c] = dz / (var + eps).sqrt() + dvar * 2 * (channel - mu) / M + dmu / M
        dw[c] = (g * (channel - mu)).sum() / (var + eps).sqrt()
        db[c] = g.sum()
    return dx, dw, db


def flip(image, boxes):
    mirrored, moved = image.clone(), boxes.clone()
    W = image.shape[2]
    for j in range(W):
        mirrored[:, :, j] = image[:, :, W - 1 - j]
    for r in range(len(boxes)):
        moved[r, 0] = W - boxes[r, 2]
        moved[r, 2] = W - boxes[r, 0]
    return mirrored, moved


def crop(image, boxes, labels, top, left, height, width):
    window = torch.zeros(image.shape[0], height, width, dtype=image.dtype)
    for i in range(height):
        for j in range(width):
            window[:, i, j] = image[:, top + i, left + j]
    rows, names = [], []
    for (x1, y1, x2, y2), label in zip(boxes, labels, strict=True):
        x1, x2 = max(x1 - left, 0 * x1), min(x2 - left, 0 * x2 + width)
        y1, y2 = max(y1 - top, 0 * y1), min(y2 - top, 0 * y2 + height)
        if x2 - x1 > 0 and y2 - y1 > 0:
            rows.append(torch.stack([x1, y1, x2, y2]))
            names.append(label)
    if not rows:
        return window, boxes[:0], labels[:0]
    return window, torch.stack(rows), torch.stack(names)
