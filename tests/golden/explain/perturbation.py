"""Explainers that change the picture, by their papers' formulas in PyTorch, NumPy and scikit-learn, float64.

For the two networks and pictures of explainers.py, the logit of one class each, pieces on a 4 x 4 grid. Writes
perturbation.safetensors: NAME.SETTING and onnx.NAME.SETTING = maps [2, ...] or values of pieces [2, 16].
"""
import os
import sys

import numpy as np
import torch
from skimage.transform import resize
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.preprocessing import normalize
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import onnx_net  # noqa: E402
from golden import read_safetensors, write_safetensors  # noqa: E402
from random_stream import RandomStream  # noqa: E402

SEED, GRID = 1, 4
K = GRID * GRID


class Stream:
    """Single numbers of a stream, as tensor/random.h defines them."""

    def __init__(self, purpose, item, step):
        self.words = [int(w) for w in RandomStream(SEED, purpose, item, step).bits(64)]

    def bits(self, i):
        return self.words[i]

    def uniform(self, i):
        return self.words[i] / 2**32

    def below(self, i, n):
        return self.words[i] * n >> 32

    def permutation(self, n):
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.below(i, i + 1)
            order[i], order[j] = order[j], order[i]
        return order


def small_net(p):
    def net(x, features=None):
        if features is None:
            features = F.relu(F.conv2d(F.relu(F.conv2d(x, p["conv1"], padding=1)), p["conv2"], stride=2, padding=1))
        return features, features.mean((2, 3)) @ p["weight"].T + p["bias"]
    return net


def onnx_function(model):
    def net(x, features=None):
        features = model.features(x) if features is None else features
        return features, model.fc(features.mean((2, 3)))
    return net


class Picture:
    def __init__(self, net, x, c, item):
        self.net, self.x, self.c, self.item = net, x, c, item
        self.H, self.W = x.shape[1:]
        self.labels = np.arange(self.H)[:, None] * GRID // self.H * GRID + np.arange(self.W) * GRID // self.W
        means = [x[:, torch.tensor(self.labels == k)].mean(1) for k in range(K)]
        self.mean_off = torch.stack(means, 1)[:, torch.tensor(self.labels)]

    def scores(self, batch):
        with torch.no_grad():
            return self.net(torch.stack(list(batch)))[1][:, self.c].numpy()

    def stream(self, purpose, step):
        return Stream(purpose, self.item, step)

    def shown(self, bits, off):
        return torch.where(torch.tensor(np.asarray(bits)[self.labels] > 0), self.x, off)


def occlusion(p, window, stride, mean):
    starts = [range(0, -(-(side - window) // stride) * stride + 1, stride) for side in (p.H, p.W)]
    total, count = np.zeros((p.H, p.W)), np.zeros((p.H, p.W))
    whole = p.scores([p.x])[0]
    for top in starts[0]:
        for left in starts[1]:
            y, box = p.x.clone(), (slice(top, top + window), slice(left, left + window))
            y[(slice(None),) + box] = 0
            total[box] += whole - p.scores([y])[0]
            count[box] += 1
    return total / count if mean else total


def rise(p, samples, cells, keep):
    total, cell = np.zeros((p.H, p.W)), [-(-side // cells) for side in (p.H, p.W)]
    for i in range(samples):
        s = p.stream("rise", i)
        grid = np.array([s.uniform(2 + j) < keep for j in range(cells * cells)], float).reshape(cells, cells)
        big = resize(grid, [(cells + 1) * c for c in cell], order=1, mode="reflect", anti_aliasing=False)
        top, left = s.below(0, cell[0]), s.below(1, cell[1])
        mask = big[top : top + p.H, left : left + p.W]
        total += p.scores([p.x * torch.tensor(mask)])[0] * mask
    return total / samples / keep


def lime_bits(p, samples):
    rows = [[p.stream("lime", i).bits(j) >> 31 for j in range(K)] for i in range(samples)]
    return np.array([[1] * K] + rows[1:])


def bits_weights(bits):
    d = 1 - np.sqrt(bits.sum(1) / K)
    return np.sqrt(np.exp(-(d**2) / 0.25**2))


def lime(p, samples, model):
    bits = lime_bits(p, samples)
    return model.fit(bits, p.scores([p.shown(b, p.mean_off) for b in bits]), bits_weights(bits)).coef_


def lime_captum(p, samples):
    bits = lime_bits(p, samples)
    seen = [p.shown(b, torch.zeros_like(p.x)) for b in bits]
    flat = np.stack([y.numpy().ravel() for y in seen])
    whole = p.x.numpy().ravel()
    length = np.linalg.norm(flat, axis=1) * np.linalg.norm(whole)
    d = 1 - np.divide(flat @ whole, length, out=np.zeros(samples), where=length > 0)
    return Lasso(alpha=0.01, tol=1e-12, max_iter=100000).fit(bits, p.scores(seen), np.exp(-(d**2) / 2)).coef_


def kernel_shap(p, samples):
    share = np.array([1 / (k * (K - k)) for k in range(1, K)])
    bits = [[1] * K, [0] * K]
    for i in range(2, samples):
        size = 1 + np.searchsorted(np.cumsum(share), p.stream("kernelshap size", i).uniform(0) * share.sum(), "right")
        row = np.zeros(K, int)
        row[p.stream("kernelshap", i).permutation(K)[:size]] = 1
        bits.append(row)
    bits = np.array(bits)
    weights = np.where((bits.sum(1) == 0) | (bits.sum(1) == K), 1e6, 1.0)
    return LinearRegression().fit(bits, p.scores([p.shown(b, torch.zeros_like(p.x)) for b in bits]), weights).coef_


def g_lime(p, samples, prior):
    bits = lime_bits(p, samples)
    weights = bits_weights(bits)
    X, y = bits.astype(float), p.scores([p.shown(b, p.mean_off) for b in bits])
    X = normalize(X - np.average(X, axis=0, weights=weights), axis=0)
    y = normalize((y - np.average(y, weights=weights))[:, None], axis=0)[:, 0]
    X, y = X * np.sqrt(weights)[:, None], y * np.sqrt(weights)
    return np.linalg.solve(X.T @ X + np.eye(K), X.T @ y + prior / np.abs(prior).sum())


def ablation(p):
    rows = np.concatenate([np.ones((1, K), int), 1 - np.eye(K, dtype=int)])
    s = p.scores([p.shown(b, p.mean_off) for b in rows])
    return s[0] - s[1:]


def permutation(p, samples):
    whole, drop = p.scores([p.x])[0], np.zeros(K)
    for k in range(K):
        for m in range(samples):
            s = p.stream("permutation", 1 + k * samples + m)
            moved = torch.roll(p.x, (-s.below(0, p.H), -s.below(1, p.W)), (1, 2))
            drop[k] += (whole - p.scores([p.shown(np.arange(K) != k, moved)])[0]) / samples
    return drop


def shapley(p, samples):
    value = np.zeros(K)
    for m in range(samples):
        order, on = p.stream("shapley", m).permutation(K), np.zeros(K, int)
        rows = [on.copy()]
        for k in order:
            on[k] = 1
            rows.append(on.copy())
        s = p.scores([p.shown(b, p.mean_off) for b in rows])
        for t, k in enumerate(order):
            value[k] += (s[t + 1] - s[t]) / samples
    return value


def features_of(p):
    with torch.no_grad():
        return p.net(p.x[None])[0][0]


def score_cam(p, corners, softmax):
    A = features_of(p)
    up = F.interpolate(A[None], size=(p.H, p.W), mode="bilinear", align_corners=corners)[0]
    low, high = up.amin((1, 2), keepdim=True), up.amax((1, 2), keepdim=True)
    masks = torch.where(high > low, (up - low) / (high - low), torch.zeros_like(up))
    w = p.scores([p.x * m for m in masks])
    w = np.exp(w - w.max()) / np.exp(w - w.max()).sum() if softmax else w
    return np.einsum("k,khw->hw", w, A.numpy())


def ablation_cam(p):
    A = features_of(p)
    s, w = p.scores([p.x])[0], []
    for k in range(len(A)):
        B = A.clone()
        B[k] = 0
        with torch.no_grad():
            w.append((s - p.net(p.x[None], B[None])[1][0, p.c].item()) / s)
    return np.einsum("k,khw->hw", w, A.numpy())


def descriptors(p):
    up = F.interpolate(features_of(p)[None], size=(p.H, p.W), mode="bilinear", align_corners=False)[0].numpy()
    rows = []
    for k in range(K):
        y, x = np.nonzero(p.labels == k)
        rows.append(np.concatenate([up[:, int(y.mean() + 0.5), int(x.mean() + 0.5)], up[:, y, x].mean(1)]))
    return normalize(np.array(rows))


def global_weights(p, centres, weights):
    distance = ((descriptors(p)[:, None] - centres[None]) ** 2).sum(2)
    return weights[distance.argmin(1)]


def extremal(p, area, iterations, step=7, sigma=21, levels=8, blur=20.0):
    def blurred(deviation):
        radius = int(np.ceil(4 * deviation))
        f = torch.exp(-0.5 * (torch.arange(-radius, radius + 1).double() / max(deviation, 1e-9)) ** 2)
        f = (f / f.sum()).expand(3, 1, 1, -1)
        x = F.conv2d(p.x[None], f.transpose(2, 3), padding=(radius, 0), groups=3)
        return F.conv2d(x, f, padding=(0, radius), groups=3)[0]

    pyramid = torch.stack([blurred(blur * (1 - i / (levels - 1))) for i in range(levels)])
    padding, radius = 1 + -(-2 * sigma // step), 1 + -(-sigma // step)
    side, sides = 2 * radius + 1, [-(-n // step) for n in (p.H, p.W)]
    cells = [n + 2 * padding - side + 1 for n in sides]
    out = [step * (n - 1) + 1 for n in cells]
    u = [torch.arange(n).double() for n in out]
    place = [torch.arange(n) // step for n in out]
    weight = []
    for ky in range(side):
        for kx in range(side):
            dy = u[0] - (sigma + step * (place[0] + ky - padding))
            dx = u[1] - (sigma + step * (place[1] + kx - padding))
            z = (dy[:, None] ** 2 + dx[None] ** 2).sqrt() / sigma
            weight.append(torch.exp(-2 * (z - 0.5).clamp(min=0) ** 2))
    weight = torch.stack(weight)

    parameters = torch.ones(1, 1, *sides).double()
    optimiser = torch.optim.SGD([parameters], lr=0.01, momentum=0.9, dampening=0.9)
    zeros, penalty = int(out[0] * out[1] * (1 - area)), 300.0
    for t in range(iterations):
        parameters.requires_grad_(True)
        v = F.unfold(parameters, (side, side), padding=padding).reshape(side * side, *cells)
        v = weight * v[:, place[0]][:, :, place[1]]
        mask = (v * F.softmax(20 * v, 0)).sum(0).clamp(0, 1)
        cropped = mask[sigma : sigma + p.H, sigma : sigma + p.W]
        level = cropped * (levels - 1)
        k = level.detach().floor().long()
        f = level - k
        low = pyramid.gather(0, k.expand(1, 3, -1, -1).reshape(1, 3, p.H, p.W))[0]
        high = pyramid.gather(0, (k + 1).clamp(max=levels - 1).expand(1, 3, -1, -1).reshape(1, 3, p.H, p.W))[0]
        y = (1 - f) * low + f * high
        if t % 2 == 0:
            y = y.flip(2)
        score = p.net(y[None])[1][0, p.c]
        # Values that are equal but for rounding keep their order: the papers do not say which come first.
        flat = mask.reshape(-1)
        order = np.argsort(np.round(flat.detach().numpy() * 1e9), kind="stable")
        reference = torch.ones(len(flat)).double()
        reference[:zeros] = 0
        distance = ((flat[torch.tensor(order)] - reference) ** 2).mean()
        optimiser.zero_grad()
        (-score + penalty * distance).backward()
        optimiser.step()
        parameters.data.clamp_(0, 1)
        penalty *= 1.0035
    return cropped.detach().numpy()


SETTINGS = {
    "occlusion.mean": lambda p, g: occlusion(p, 5, 3, True),
    "occlusion.sum": lambda p, g: occlusion(p, 4, 2, False),
    "rise.map": lambda p, g: rise(p, 20, 3, 0.5),
    "lime.weights": lambda p, g: lime(p, 60, LinearRegression()),
    "lime.ridge": lambda p, g: lime(p, 60, Ridge(alpha=1)),
    "lime.captum": lambda p, g: lime_captum(p, 25),
    "kernelshap.many": lambda p, g: kernel_shap(p, 60),
    "kernelshap.few": lambda p, g: kernel_shap(p, 10),
    "ablation.values": lambda p, g: ablation(p),
    "permutation.values": lambda p, g: permutation(p, 2),
    "shapley.values": lambda p, g: shapley(p, 3),
    "normlime.weights": lambda p, g: global_weights(p, *g),
    "glime.weights": lambda p, g: g_lime(p, 60, global_weights(p, *g)),
    "scorecam.softmax": lambda p, g: score_cam(p, False, True),
    "scorecam.corners": lambda p, g: score_cam(p, True, True),
    "scorecam.raw": lambda p, g: score_cam(p, False, False),
    "ablationcam.map": lambda p, g: ablation_cam(p),
    "extremal.map": lambda p, g: extremal(p, 0.2, 30),
}

file = read_safetensors(os.path.join(HERE, "explainers.safetensors"))
parameters = {name: torch.tensor(file[name].astype("f8")) for name in ("conv1", "conv2", "weight", "bias", "x")}
with torch.no_grad():
    networks = {"": (small_net(parameters), parameters["x"], file["classes"]),
                "onnx.": (onnx_function(onnx_net.net()), onnx_net.pictures(), onnx_net.CLASSES)}
arrays, random = {}, np.random.default_rng(5)
for prefix, (net, x, classes) in networks.items():
    pictures = [Picture(net, x[n], int(c), n) for n, c in enumerate(classes)]
    D = descriptors(pictures[0]).shape[1]
    prior = normalize(np.abs(random.normal(size=(5, D)))), random.uniform(size=5)
    arrays[prefix + "prior.centres"], arrays[prefix + "prior.weights"] = prior
    for setting, explain in SETTINGS.items():
        arrays[prefix + setting] = np.stack([explain(p, prior) for p in pictures]).astype("f8")
write_safetensors(os.path.join(HERE, "perturbation.safetensors"), arrays,
                  {"torch": torch.__version__, "seed": "5", "script": "explain/perturbation.py"})
