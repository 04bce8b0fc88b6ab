"""Maps of explainers for one small net, by their papers' formulas in plain PyTorch and NumPy, float64.

conv 3x3 - ReLU - conv 3x3 stride 2 - ReLU (the features A) - mean - linear. Writes explainers.safetensors: weights, two
pictures, a class each, and NAME.map of every explainer for the logit of that class, before ReLU and normalisation.
"""
import os
import sys

import numpy as np
import torch
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from golden import write_safetensors  # noqa: E402

CLASSES = [2, 4]


def net(p, x):
    features = F.relu(F.conv2d(F.relu(F.conv2d(x, p["conv1"], padding=1)), p["conv2"], stride=2, padding=1))
    return features, features.mean((2, 3)) @ p["weight"].T + p["bias"]


def weighted(A, w):
    return np.einsum("k,khw->hw", w, A)


def grad_cam_plus_plus(A, g):
    denominator = 2 * g**2 + A.sum((1, 2))[:, None, None] * g**3 + 1e-6
    alpha = np.where(g != 0, g**2 / denominator, 0)
    return weighted(A, (alpha * np.maximum(g, 0)).sum((1, 2)))


def upright(component, shape):
    component = component if component.max() >= -component.min() else -component
    return component.reshape(shape)


def principal(M):
    points = M.reshape(len(M), -1).T
    points = points - points.mean(0)
    return upright(points @ np.linalg.svd(points, full_matrices=False)[2][0], M.shape[1:])


def kernel_principal(M):
    points = M.reshape(len(M), -1).T
    points = points - points.mean(0)
    kernel = np.tanh(points @ points.T / points.shape[1] + 1)
    centre = np.eye(len(kernel)) - np.full(kernel.shape, 1 / len(kernel))
    values, vectors = np.linalg.eigh(centre @ kernel @ centre)
    return upright(vectors[:, -1] * np.sqrt(values[-1]), M.shape[1:])


def fem(A):
    limit = A.mean((1, 2)) + 2 * A.std((1, 2))
    return weighted(A, (A > limit[:, None, None]).mean((1, 2)))


RULES = {
    "gradcam": lambda A, g: weighted(A, g.mean((1, 2))),
    "gradcampp": grad_cam_plus_plus,
    "xgradcam": lambda A, g: weighted(A, (g * A).sum((1, 2)) / (A.sum((1, 2)) + 1e-7)),
    "layercam": lambda A, g: (np.maximum(g, 0) * A).sum(0),
    "hirescam": lambda A, g: (g * A).sum(0),
    "elementwise": lambda A, g: np.maximum(g * A, 0).sum(0),
    "eigencam": lambda A, g: principal(A),
    "eigengradcam": lambda A, g: principal(g * A),
    "segeigencam": lambda A, g: principal(np.abs(g) * A),
    "kpcacam": lambda A, g: kernel_principal(A),
    "fem": lambda A, g: fem(A),
}

torch.manual_seed(7)
p = {"conv1": torch.randn(6, 3, 3, 3) * 0.3, "conv2": torch.randn(8, 6, 3, 3) * 0.3,
     "weight": torch.randn(5, 8), "bias": torch.randn(5)}
x = torch.randn(2, 3, 16, 16)
arrays = {name: value.numpy() for name, value in p.items()}
arrays["x"], arrays["classes"] = x.numpy(), np.array(CLASSES, "int32")

p, x = {name: value.double() for name, value in p.items()}, x.double().requires_grad_(True)
features, logits = net(p, x)
features.retain_grad()
logits[range(len(CLASSES)), CLASSES].sum().backward()
A, g = features.detach().numpy(), features.grad.numpy()
# Gradients of a head that ends in a mean are the same at all positions: a tilt shows what rules do with others.
tilt = 0.3 + np.linspace(-1, 1, A.shape[2])[:, None] * np.linspace(-0.5, 1, A.shape[3])
arrays["tilt"] = tilt.copy()
for name, rule in RULES.items():
    arrays[name + ".map"] = np.stack([rule(a, b) for a, b in zip(A, g)])
    arrays[name + ".tilted"] = np.stack([rule(a, b * tilt) for a, b in zip(A, g)])
arrays["saliency.map"] = x.grad.abs().sum(1).numpy()
arrays["gradxinput.map"] = (x.grad * x).sum(1).detach().numpy()
write_safetensors(os.path.join(HERE, "explainers.safetensors"), arrays,
                  {"torch": torch.__version__, "seed": "7", "script": "explain/explainers.py"})
