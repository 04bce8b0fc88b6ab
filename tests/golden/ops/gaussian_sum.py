"""Sums with Gaussian weights, and the dense energy, by their definition: the matrix of all weights in PyTorch, float64."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from golden import save  # noqa: E402


def features(q, D):
    """The same numbers as features_of() of tests/cases/gaussian_sum.cpp."""
    N, pixels = q.shape[0], q.shape[2] * q.shape[3]
    n = torch.arange(N, dtype=torch.float64)[:, None, None]
    d = torch.arange(1, D + 1, dtype=torch.float64)[None, :, None]
    return 1.5 * torch.sin(n + 0.7 * (d * torch.arange(pixels, dtype=torch.float64)))


def filtered(q, D):
    f = features(q, D)
    weights = torch.exp(-0.5 * ((f[:, :, :, None] - f[:, :, None, :]) ** 2).sum(1))
    return torch.einsum("nij,ncj->nci", weights, q.flatten(2)).reshape(q.shape)


def gate(p):
    N, _, H, W = p.shape
    return (0.25 * (torch.arange(N * H * W) % 5)).double().reshape(N, 1, H, W)


torch.manual_seed(3)
q = torch.randn(2, 3, 4, 5)
save("gaussian_sum", {
    "three": (lambda x: filtered(x, 3), [q]),
    "six": (lambda x: filtered(x, 6), [q]),
    "energy": (lambda x: -(gate(x) * x * filtered(x, 5)).sum() / len(x), [q]),
    "plain_energy": (lambda x: -(x * filtered(x, 2)).sum() / len(x), [q]),
}, seed=3)
