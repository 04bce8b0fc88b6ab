"""Masks of cv2.grabCut on two drawn pictures. Writes grab_cut.safetensors: pictures, hints (as cv2's), masks."""
import os
import sys

import cv2
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from golden import write_safetensors  # noqa: E402

H, W = 60, 72
y, x = np.mgrid[:H, :W]
rng = np.random.default_rng(11)
shapes = {"disc": (y - 30) ** 2 + (x - 34) ** 2 < 260,
          "bar": (np.abs(y - 30 - (x - 36) // 4) < 8) & (np.abs(x - 36) < 22)}
arrays = {}
for name, shape in shapes.items():
    stripes = 18 * np.sin((x + 2 * y) / 3.0)[:, :, None]
    ground = np.array([90, 110, 80]) + 40 * np.cos(x / 17.0)[:, :, None] + np.zeros((H, W, 3))
    picture = np.where(shape[:, :, None], np.array([180, 90, 70]) + stripes, ground) + rng.normal(0, 12, (H, W, 3))
    picture = np.clip(picture, 0, 255).astype("uint8")
    hints = np.full((H, W), cv2.GC_BGD, "uint8")
    hints[6:-6, 6:-6] = cv2.GC_PR_BGD
    hints[14:46, 14:58] = cv2.GC_PR_FGD
    hints[28:32, 32:38] = cv2.GC_FGD
    mask = hints.copy()
    cv2.setRNGSeed(0)
    cv2.grabCut(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 5,
                cv2.GC_INIT_WITH_MASK)
    arrays[name + ".picture"], arrays[name + ".hints"] = picture, hints.astype("int32")
    arrays[name + ".mask"] = (mask & 1).astype("uint8")

write_safetensors(os.path.join(HERE, "grab_cut.safetensors"), arrays,
                  {"cv2": cv2.__version__, "script": "explain/grab_cut.py"})
