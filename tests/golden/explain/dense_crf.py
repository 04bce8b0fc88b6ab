"""Mean field of the dense CRF by its published update, with the matrix of all pairs, NumPy float64.

Q = softmax(-U), then ten times softmax(-U - mu sum of w K~ Q), K~ = n K n, n = (K 1)^-1/2, the pixel itself among its
neighbours. Writes dense_crf.safetensors: two pictures, probabilities, and Q for a preset, for Potts and for a matrix.
"""
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from golden import write_safetensors  # noqa: E402


def kernel(picture, xy, rgb):
    H, W, _ = picture.shape
    y, x = np.mgrid[:H, :W]
    f = [x.ravel() / xy, y.ravel() / xy]
    if rgb:
        f += [picture[:, :, c].ravel() / rgb for c in range(3)]
    f = np.array(f)
    K = np.exp(-0.5 * ((f[:, :, None] - f[:, None, :]) ** 2).sum(0))
    n = 1 / np.sqrt(K.sum(1) + 1e-20)
    return n[:, None] * K * n[None, :]


def softmax(z):
    e = np.exp(z - z.max(0))
    return e / e.sum(0)


def crf(p, picture, kernels, steps, mu):
    C, H, W = p.shape
    U = -np.log(np.clip(p, 1e-5, 1)).reshape(C, -1)
    K = sum(w * kernel(picture, xy, rgb) for xy, rgb, w in kernels)
    Q = softmax(-U)
    for _ in range(steps):
        Q = softmax(-U - mu @ (Q @ K.T))
    return Q.reshape(C, H, W)


def potts(C):
    return 1 - np.eye(C)


rng = np.random.default_rng(4)
H, W, C = 11, 14, 3
picture = rng.integers(0, 256, (H, W, 3)).astype("uint8")
p = rng.dirichlet(np.ones(C), (H, W)).transpose(2, 0, 1).copy()
mu = rng.uniform(0, 1, (C, C))
arrays = {"picture": picture, "p": p, "mu": mu}
arrays["place"] = crf(p, picture, [(3, 0, 3)], 4, potts(C))
arrays["rrm"] = crf(p, picture, [(3, 0, 3), (83, 5, 4)], 10, potts(C))
arrays["matrix"] = crf(p, picture, [(3, 0, 3), (30, 60, 2)], 5, mu)

# A disc on a slope of light, and a blurred guess of it that is a third too small: what the lattice is judged by.
H, W = 36, 44
y, x = np.mgrid[:H, :W]
disc = (y - 17) ** 2 + (x - 21) ** 2 < 150
scene = np.where(disc[:, :, None], (190, 120, 60), (60, 90, 140)) + 0.8 * x[:, :, None] + rng.normal(0, 6, (H, W, 3))
scene = np.clip(scene, 0, 255).astype("uint8")
guess = 0.15 + 0.7 / (1 + np.exp(((y - 17) ** 2 + (x - 21) ** 2 - 100) / 30.0))
guess = np.clip(guess + rng.normal(0, 0.08, guess.shape), 0.02, 0.98)
guess = np.stack([1 - guess, guess])
arrays["scene"], arrays["guess"], arrays["disc"] = scene, guess, disc.astype("uint8")
for name, kernels in {"rrm": [(3, 0, 3), (83, 5, 4)], "rrm-mining": [(3, 0, 3), (80, 13, 10)],
                      "pmm": [(3, 0, 10), (80, 13, 10)], "pmm-test": [(1, 0, 3), (67, 3, 4)],
                      "labels": [(3, 0, 3), (50, 5, 10)]}.items():
    arrays["scene." + name] = crf(guess, scene, kernels, 10, potts(2))[1].astype("float32")

write_safetensors(os.path.join(HERE, "dense_crf.safetensors"), arrays,
                  {"numpy": np.__version__, "script": "explain/dense_crf.py"})
