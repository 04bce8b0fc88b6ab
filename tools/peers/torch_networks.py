"""The networks of `make bench-peers` in PyTorch: the same graphs as clearcut's, random weights.

Segmentation networks are those of tests/golden/models, where clearcut gives their numbers.
"""
import os
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "models"))
from networks import DeepLabV3, HrClassifier, HrSegmenter, Product, PspNet  # noqa: E402


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def folded_parameters(model):
    """With every batch norm inside the convolution before it: of its two numbers a channel one stays, the bias."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    return parameters(model) - sum(m.num_features for m in norms)


def multiply_adds(model, x, training):
    """Of convolutions, linear layers and products of matrices in one forward pass."""
    total, hooks = [0], []

    def count(m, inputs, y):
        total[0] += y.numel() * (inputs[0].shape[2] if isinstance(m, Product) else m.weight[0].numel())

    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear, Product)):
            hooks.append(m.register_forward_hook(count))
    model.train(training)
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return total[0]
