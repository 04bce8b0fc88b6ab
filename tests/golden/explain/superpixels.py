"""Superpixels, Lab colours and their pictures, by scikit-image 0.19.3.

Two pictures: "rough" has noise everywhere, so that no two pixels are equal and labels follow from the formulas; "flat" is
drawn in few colours, where equal distances, costs and densities are decided by noise, by the order of a sort and by last
bits. Writes superpixels.safetensors.
"""
import os
import sys

import numpy as np
from skimage.color import rgb2lab
from skimage.filters import gaussian
from skimage.segmentation import felzenszwalb, quickshift, slic

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from golden import write_safetensors  # noqa: E402

H, W = 56, 72


def drawn():
    y, x = np.mgrid[:H, :W]
    picture = np.zeros((H, W, 3))
    picture[:] = (40, 70, 160)
    picture[(y - 20) ** 2 + (x - 24) ** 2 < 180] = (210, 150, 40)
    picture[(y > 30) & (y < 50) & (x > 40) & (x < 66)] = (60, 140, 70)
    picture[(y + x > 96)] += 30
    return picture


def rough():
    y, x = np.mgrid[:H, :W]
    rng = np.random.default_rng(5)
    waves = 25 * np.sin(x / 9.0)[:, :, None] * np.cos(y / 7.0)[:, :, None] * np.array([1.0, -0.6, 0.4])
    noise = gaussian(rng.normal(0, 30, (H, W, 3)), 0.7, channel_axis=-1) + rng.normal(0, 6, (H, W, 3))
    return np.clip(drawn() + waves + noise, 0, 255)


def int32(labels):
    return labels.astype("int32")


arrays = {}
noise = np.random.default_rng(42).normal(scale=0.00001, size=(H, W))  # what quickshift draws for its seed 42
arrays["noise"] = noise
for name, picture in {"rough": rough(), "flat": drawn()}.items():
    picture = picture.astype("uint8")
    arrays[name] = picture
    arrays[name + ".lab"] = rgb2lab(picture)[:4]
    arrays[name + ".slic"] = int32(slic(picture, n_segments=40, compactness=10, start_label=0))
    arrays[name + ".slic_smooth"] = int32(slic(picture, n_segments=25, compactness=20, sigma=1.5, start_label=0))
    arrays[name + ".quickshift"] = int32(quickshift(picture, sigma=1))
    arrays[name + ".quickshift_lime"] = int32(quickshift(picture, kernel_size=4, max_dist=200, ratio=0.2))
    arrays[name + ".felzenszwalb"] = int32(felzenszwalb(picture, scale=100, sigma=0.8, min_size=20))
    arrays[name + ".felzenszwalb_large"] = int32(felzenszwalb(picture, scale=300, sigma=0.5, min_size=50))

# A strip: one side is shorter than the step between seeds.
arrays["strip"] = arrays["rough"][:3]
arrays["strip.slic"] = int32(slic(arrays["strip"], n_segments=9, compactness=10, start_label=0))

for sigma in (0.5, 0.8):  # no two edges of the rough picture cost the same: the sort has one answer
    x = gaussian(arrays["rough"] / 255, sigma=sigma, mode="reflect", channel_axis=-1)
    steps = [x[:, 1:] - x[:, :-1], x[1:] - x[:-1], x[1:, 1:] - x[:-1, :-1], x[1:, :-1] - x[:-1, 1:]]
    costs = np.concatenate([np.sqrt((s**2).sum(-1)).ravel() for s in steps])
    assert len(np.unique(costs)) == len(costs)

write_safetensors(os.path.join(HERE, "superpixels.safetensors"), arrays,
                  {"scikit-image": __import__("skimage").__version__, "script": "explain/superpixels.py"})
