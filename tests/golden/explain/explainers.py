"""Maps of explainers by their papers' formulas in plain PyTorch and NumPy, float64, for two networks.

"": conv 3x3 - ReLU - conv 3x3 stride 2 - ReLU (the features A) - mean - linear; its weights, two pictures and a class
each are written too. "onnx.": the network of onnx_net.py. NAME.map is the map for the logit of that class, before ReLU
and normalisation; random numbers are those of item n of seed 1.
"""
import os
import sys

import numpy as np
import torch
from sklearn.linear_model import LinearRegression
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import onnx_net  # noqa: E402
from golden import write_safetensors  # noqa: E402
from random_stream import RandomStream  # noqa: E402

CLASSES = [2, 4]
SAMPLES, STEPS, NOISE = 4, 6, 0.1
LIME_SAMPLES = 40
SEGMENTS = np.add.outer(4 * (np.arange(16) // 4), np.arange(16) // 4)  # 4 x 4 boxes


def first_net(p):
    """The network in two parts, the features between them."""
    def taps(x):
        first = F.relu(F.conv2d(x, p["conv1"], padding=1))
        return first, F.relu(F.conv2d(first, p["conv2"], stride=2, padding=1))
    return taps, lambda A: A.mean((2, 3)) @ p["weight"].T + p["bias"]


def onnx_parts(model):
    def taps(x):
        first = model.relu1(model.bn1(model.conv1(x)))
        return first, model.tail(first)
    return taps, lambda A: model.fc(A.mean((2, 3)))


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


def gradient(logit, x):
    x = x.detach().requires_grad_(True)
    return torch.autograd.grad(logit(x), x)[0].numpy()


def noisy(x, n, i, purpose, deviation=None):
    e = RandomStream(1, purpose, n, i).normal(x.numel()).reshape(x.shape)
    return x + torch.from_numpy(e) * (deviation or NOISE * (x.max() - x.min()))


def smoothgrad_of_captum(logit, x, n):
    return sum(gradient(logit, noisy(x, n, i, "smoothgrad", 1.0)) for i in range(5)).sum(0) / 5


def grad_shap(logit, x, n):
    total = 0
    for i in range(SAMPLES):
        d = noisy(x, n, i, "gradshap")
        total = total + d.numpy() * gradient(logit, d * RandomStream(1, "gradshap point", n, i).uniform(1)[0])
    return total / SAMPLES


def integrated(logit, x):
    at, weight = np.polynomial.legendre.leggauss(STEPS)
    return x.numpy() * sum(w / 2 * gradient(logit, x * (a + 1) / 2) for a, w in zip(at, weight))


def lime(logit, x, n):
    """The positive coefficients; boxes that are off show their mean colour."""
    boxes, K = torch.from_numpy(SEGMENTS), SEGMENTS.max() + 1
    mean = torch.stack([x[:, boxes == k].mean(1) for k in range(K)], 1)
    bits = np.stack([RandomStream(1, "lime", n, i).bits(K) >> 31 for i in range(LIME_SAMPLES)])
    bits[0] = 1
    on = torch.from_numpy(bits.astype(bool))
    scores = [float(logit(torch.where(row[boxes], x, mean[:, boxes]))) for row in on]
    distance = 1 - np.sqrt(bits.sum(1) / K)
    fit = LinearRegression().fit(bits, scores, np.sqrt(np.exp(-(distance / 0.25) ** 2)))
    return np.maximum(fit.coef_, 0)[SEGMENTS]


def pixel_maps(logit, x, n):
    """Of the score logit(x), x [3, H, W]."""
    g = gradient(logit, x)
    copies = np.stack([gradient(logit, noisy(x, n, i, "smoothgrad")) for i in range(SAMPLES)])
    return {"saliency": np.abs(g).sum(0), "gradxinput": (g * x.numpy()).sum(0),
            "smoothgrad": np.abs(copies.mean(0)).sum(0), "smoothgrad_sq": np.abs((copies**2).mean(0)).sum(0),
            "vargrad": copies.var(0).sum(0), "gradshap": np.abs(grad_shap(logit, x, n)).sum(0),
            "lime": lime(logit, x, n), "ig": np.abs(integrated(logit, x)).sum(0)}


def from_0_to_1(M):
    return (M - M.min()) / (M.max() - M.min() + 1e-7)


def refined(parts, size):
    """parts: (A, g) of the taps."""
    product = 1
    for A, g in parts:
        one = from_0_to_1(weighted(A, g.mean((1, 2))))
        product = product * F.interpolate(torch.from_numpy(one)[None, None], size, mode="bilinear")[0, 0].numpy()
    return from_0_to_1(product)


def finer(head, A, c):
    """A [1, K, h, w] of one picture; three rivals, alpha 1."""
    A = A.detach().requires_grad_(True)
    z = head(A)[0]
    rivals = sorted((j for j in range(len(z)) if j != c), key=lambda j: abs(float(z[j] - z[c])))[:3]
    q = torch.softmax(z[rivals], 0)
    g = torch.autograd.grad((q * (z[c] - z[rivals])).sum(), A)[0]
    return weighted(A.detach().numpy()[0], g.mean((2, 3)).numpy()[0])


def shapley(head, A, c):
    A = A.detach()
    probability = lambda a: torch.softmax(head(a)[0], 0)[c]
    a = A.clone().requires_grad_(True)
    g = torch.autograd.grad(probability(a), a)[0]
    product = torch.autograd.functional.hvp(probability, A, A)[1]
    return weighted(A.numpy()[0], (g - product / 2).mean((2, 3)).numpy()[0])


def views(taps, head, x, c):
    """gradcam at half and full size, with mirror images: the mean of the maps at the size of x [1, 3, H, W]."""
    total, size = 0, x.shape[2:]
    for scale in (0.5, 1):
        view = F.interpolate(x, [round(scale * s) for s in size], mode="bilinear")
        for flip in (False, True):
            A = taps(view.flip(3) if flip else view)[1].detach().requires_grad_(True)
            g = torch.autograd.grad(head(A)[0, c], A)[0]
            M = (g.mean((2, 3), keepdim=True) * A).sum(1, keepdim=True).detach()
            total = total + F.interpolate(M.flip(3) if flip else M, size, mode="bilinear")[0, 0].numpy() / 4
    return total


def maps(taps, head, weight, x, classes, prefix, arrays):
    first, features = taps(x.detach().requires_grad_(True))
    logit = head(features)[range(len(classes)), classes].sum()
    g = [t.numpy() for t in torch.autograd.grad(logit, (first, features))]
    first, A, N = first.detach().numpy(), features.detach().numpy(), range(len(classes))
    for name, rule in RULES.items():
        arrays[f"{prefix}{name}.map"] = np.stack([rule(A[n], g[1][n]) for n in N])
    arrays[f"{prefix}refinecam.map"] = np.stack(
        [refined([(first[n], g[0][n]), (A[n], g[1][n])], x.shape[2:]) for n in N])
    for name, rule in (("finercam", finer), ("shapleycam", shapley)):
        arrays[f"{prefix}{name}.map"] = np.stack([rule(head, features[n:n + 1], classes[n]) for n in N])
    arrays[f"{prefix}gradcam.views"] = np.stack([views(taps, head, x[n:n + 1], classes[n]) for n in N])
    arrays[f"{prefix}cam.map"] = np.stack([weighted(A[n], weight[classes[n]]) for n in N])
    arrays[f"{prefix}randomcam.map"] = np.stack(
        [weighted(A[n], RandomStream(1, "randomcam", n).uniform(A.shape[1], -1, 1)) for n in N])
    arrays[f"{prefix}smoothgrad.captum"] = np.stack(
        [smoothgrad_of_captum(lambda y, c=classes[n]: head(taps(y[None])[1])[0, c], x[n], n) for n in N])
    pixels = [pixel_maps(lambda y, c=classes[n]: head(taps(y[None])[1])[0, c], x[n], n) for n in N]
    for name in pixels[0]:
        arrays[f"{prefix}{name}.map"] = np.stack([p[name] for p in pixels])
    return A, g[1]


torch.manual_seed(7)
p = {"conv1": torch.randn(6, 3, 3, 3) * 0.3, "conv2": torch.randn(8, 6, 3, 3) * 0.3,
     "weight": torch.randn(5, 8), "bias": torch.randn(5)}
x = torch.randn(2, 3, 16, 16)
arrays = {name: value.numpy() for name, value in p.items()}
arrays["x"], arrays["classes"] = x.numpy(), np.array(CLASSES, "int32")
arrays["segments"] = SEGMENTS.astype("int32")

p, x = {name: value.double() for name, value in p.items()}, x.double()
A, g = maps(*first_net(p), p["weight"].numpy(), x, CLASSES, "", arrays)
# Gradients of a head that ends in a mean are the same at all positions: a tilt shows what rules do with others.
tilt = 0.3 + np.linspace(-1, 1, A.shape[2])[:, None] * np.linspace(-0.5, 1, A.shape[3])
arrays["tilt"] = tilt.copy()
for name, rule in RULES.items():
    arrays[name + ".tilted"] = np.stack([rule(a, b * tilt) for a, b in zip(A, g)])

onnx, pictures = onnx_net.net(), onnx_net.pictures()
arrays["onnx.x"], arrays["onnx.classes"] = pictures.float().numpy(), np.array(onnx_net.CLASSES, "int32")
maps(*onnx_parts(onnx), onnx.fc.weight.detach().numpy(), pictures, onnx_net.CLASSES, "onnx.", arrays)
write_safetensors(os.path.join(HERE, "explainers.safetensors"), arrays,
                  {"torch": torch.__version__, "seed": "7", "script": "explain/explainers.py"})
