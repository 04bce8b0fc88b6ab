"""Batch norm followed by a residual, ReLU or ReLU6, by PyTorch."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
import torch.nn.functional as F
from golden import save

torch.manual_seed(3)


def maps(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def norm(x, w, b, training):
    mean, variance = torch.tensor([0.5, -1.0, 0.25]).double(), torch.tensor([0.5, 2.0, 1.0]).double()
    return F.batch_norm(x, mean, variance, w, b, training, 0.1, 1e-5)


def inputs():
    return [maps(4, 3, 5, 2), maps(3), maps(3)]


save("batch_norm", {
    "relu": (lambda x, w, b: F.relu(norm(x, w, b, True)), inputs()),
    "relu6": (lambda x, w, b: F.relu6(4 * norm(x, w, b, True)), inputs()),
    "add_relu": (lambda x, w, b, r: F.relu(norm(x, w, b, True) + r), inputs() + [maps(4, 3, 5, 2)]),
    "add": (lambda x, w, b, r: norm(x, w, b, True) + r, inputs() + [maps(4, 3, 5, 2)]),
    "evaluation_relu": (lambda x, w, b: F.relu(norm(x, w, b, False)), inputs()),
    "evaluation_add_relu": (lambda x, w, b, r: F.relu(norm(x, w, b, False) + r), inputs() + [maps(4, 3, 5, 2)]),
    "frozen_add_relu6": (lambda x, r: F.relu6(4 * norm(x, torch.tensor([0.5, 1.5, -1.0]).double(),
                                                      torch.tensor([0.25, 0.5, 0.75]).double(), False) + r),
                         [maps(4, 3, 5, 2), maps(4, 3, 5, 2)]),
})
