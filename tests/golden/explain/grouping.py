"""Hierarchical grouping of selective search (Uijlings 2013) by its formulas, NumPy and scikit-image.

Every pair of neighbours is compared anew at each step. Writes grouping.safetensors: a picture, its superpixels, and for RGB
and Lab the parts of each group, the similarity at which they joined, and the boxes of all regions.
"""
import os
import sys

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from golden import write_safetensors  # noqa: E402


def colours(picture, lab):
    if not lab:
        return picture * (1 / 255)
    return (rgb2lab(picture) + [0, 128, 128]) / [100, 255, 255]


def histogram(values, top, bins):
    """Counts in equal bins from 0 to top; what lies beyond counts in the last one."""
    at = np.clip((values / top * bins).astype(int), 0, bins - 1)
    return np.bincount(at, minlength=bins)


def derivatives(x):
    """[8, H, W, 3]: positive part of the derivative along each direction."""
    s = gaussian_filter(x, (1, 1, 0), mode="reflect", truncate=4)
    padded = np.pad(s, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    dy, dx = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2, (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    angles = np.arange(8) * np.pi / 4
    return np.maximum(0, np.cos(angles)[:, None, None, None] * dx + np.sin(angles)[:, None, None, None] * dy)


def describe(x, inside):
    d = derivatives(x)
    colour = np.concatenate([histogram(x[inside][:, c], 1, 25) for c in range(3)])
    texture = np.concatenate([histogram(d[k][inside][:, c], 1 / np.sqrt(2 * np.pi), 10)
                              for c in range(3) for k in range(8)])
    return colour / colour.sum(), texture / texture.sum()


def box(inside):
    rows, cols = np.where(inside.any(1))[0], np.where(inside.any(0))[0]
    return [rows[0], cols[0], rows[-1] + 1, cols[-1] + 1]


def similarity(a, b, pixels):
    (mask_a, colour_a, texture_a), (mask_b, colour_b, texture_b) = a, b
    size = mask_a.sum() + mask_b.sum()
    t, l, bottom, right = box(mask_a | mask_b)
    fill = 1 - ((bottom - t) * (right - l) - size) / pixels
    return (np.minimum(colour_a, colour_b).sum() + np.minimum(texture_a, texture_b).sum() + 1 - size / pixels + fill)


def touch(a, b):
    grown = a.copy()
    grown[1:] |= a[:-1]
    grown[:-1] |= a[1:]
    grown[:, 1:] |= a[:, :-1]
    grown[:, :-1] |= a[:, 1:]
    return (grown & b).any()


def group(picture, labels, lab):
    x = colours(picture, lab)
    regions = [(labels == k, *describe(x, labels == k)) for k in range(labels.max() + 1)]
    alive, parts, similarities = set(range(len(regions))), [], []
    while len(alive) > 1:
        best = max(((similarity(regions[a], regions[b], labels.size), -a, -b)
                    for a in alive for b in alive if a < b and touch(regions[a][0], regions[b][0])))
        s, a, b = best[0], -best[1], -best[2]
        m, n = regions[a][0].sum(), regions[b][0].sum()
        mix = [(m * regions[a][i] + n * regions[b][i]) / (m + n) for i in (1, 2)]
        regions.append((regions[a][0] | regions[b][0], *mix))
        alive -= {a, b}
        alive.add(len(regions) - 1)
        parts.append([a, b])
        similarities.append(s)
    return (np.array(parts, "int32"), np.array(similarities), np.array([box(r[0]) for r in regions], "int32"))


rng = np.random.default_rng(2)
H, W = 30, 36
y, x = np.mgrid[:H, :W]
picture = np.where(((y - 14) ** 2 + (x - 15) ** 2 < 90)[:, :, None], (200, 130, 60), (70, 90, 130))
picture = picture + 20 * np.sin(x / 2.0)[:, :, None] * (y > 18)[:, :, None] + rng.normal(0, 14, (H, W, 3))
picture = np.clip(picture, 0, 255).astype("uint8")
centres = rng.uniform(0, 1, (18, 2)) * [H, W]
labels = ((y[:, :, None] - centres[:, 0]) ** 2 + (x[:, :, None] - centres[:, 1]) ** 2).argmin(2).astype("int32")
assert len(np.unique(labels)) == 18
arrays = {"picture": picture, "superpixels": labels}
for name, lab in {"rgb": False, "lab": True}.items():
    arrays[name + ".parts"], arrays[name + ".similarity"], arrays[name + ".boxes"] = group(picture, labels, lab)

write_safetensors(os.path.join(HERE, "grouping.safetensors"), arrays,
                  {"numpy": np.__version__, "script": "explain/grouping.py"})
