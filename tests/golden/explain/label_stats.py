"""Pieces of a label map by scikit-image, and how its borders lie on a picture's edges by SciPy and scikit-learn."""
import sys

import numpy as np
from scipy import ndimage
from skimage import measure, segmentation
from sklearn.metrics import roc_auc_score

sys.path.insert(0, "..")
from golden import write_safetensors  # noqa: E402

random = np.random.default_rng(5)
shape = (41, 53)
smooth = [ndimage.gaussian_filter(random.normal(size=shape), 3) for _ in range(3)]
labels = np.where(smooth[0] > 0.02, 1, np.where(smooth[1] > 0.05, 2, 0)).astype("int32")
# A picture whose edges follow the labels in part: noise over their colours.
colours = np.array([[60, 70, 80], [180, 60, 50], [40, 120, 200]])
picture = np.clip(colours[labels] + 40 * random.normal(size=shape + (3,)), 0, 255).astype("uint8")

pieces = measure.label(labels, background=0, connectivity=2)
sizes = np.bincount(pieces.ravel())[1:]
gray = picture.astype("f8") @ [0.2126, 0.7152, 0.0722]
edges = np.hypot(ndimage.sobel(gray, 0, mode="nearest"), ndimage.sobel(gray, 1, mode="nearest"))
borders = segmentation.find_boundaries(labels, connectivity=1, mode="thick")
write_safetensors("label_stats.safetensors", {
    "picture": picture, "labels": labels,
    "pieces": np.array([len(sizes), sizes.max() / sizes.sum()]),
    "alignment": np.array([roc_auc_score(borders.ravel(), edges.ravel().astype("float32"))]),
}, {"skimage": __import__("skimage").__version__, "seed": "5"})
