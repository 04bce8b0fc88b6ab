"""Writes metrics.npz: scores of three drawn label maps as scikit-learn counts them, boundary IoU with OpenCV's erosion.

Run with Debian 12's python3 (scikit-learn 1.2, OpenCV 4.6, numpy 1.24): python3 metrics.py
"""
import os

import cv2
import numpy as np
from sklearn import metrics

CLASSES, IGNORE, UNDECIDED, SHARE = 5, 255, 254, 0.02  # class 4 is in neither truth nor prediction
rng = np.random.RandomState(5)
out, truths, predictions = {}, [], []
edges = np.zeros((3, CLASSES, 3), np.int64)  # hit, truth, predicted


def blobs(height, width):
    noise = cv2.GaussianBlur(rng.randn(height, width, 4), (0, 0), 6)
    return noise.reshape(height, width, 4).argmax(2).astype(np.int32)


def inner_edge(mask, width):
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return mask & (cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=width)[1:-1, 1:-1] == 0)


for k, (height, width) in enumerate(((61, 83), (120, 97), (40, 151))):
    truth = blobs(height, width)
    prediction = np.where(rng.rand(height, width) < 0.03, rng.randint(0, 4, (height, width)), np.roll(truth, 2, 1)).astype(np.int32)
    truth[5:15, 20:40] = IGNORE
    prediction[30:36, 10:25] = UNDECIDED
    out["truth%d" % k], out["prediction%d" % k] = truth, prediction
    counted = truth != IGNORE
    truths.append(truth[counted])
    predictions.append(prediction[counted])
    distance = max(1, int(round(SHARE * np.sqrt(height ** 2 + width ** 2))))
    shown = np.where(counted, prediction, IGNORE)
    for c in range(CLASSES):
        t, p = inner_edge(truth == c, distance), inner_edge(shown == c, distance)
        edges[k, c] = (t & p).sum(), t.sum(), p.sum()

t, p = np.concatenate(truths), np.concatenate(predictions)
present = list(range(CLASSES - 1))
out["iou"] = metrics.jaccard_score(t, p, labels=present, average=None)
out["dice"] = metrics.f1_score(t, p, labels=present, average=None)
out["precision"] = metrics.precision_score(t, p, labels=present, average=None)
out["recall"] = metrics.recall_score(t, p, labels=present, average=None)
out["accuracy"] = np.array(metrics.accuracy_score(t, p))
out["kappa"] = np.array(metrics.cohen_kappa_score(t, p))
out["edges"] = edges
total = edges.sum(0)[: CLASSES - 1]
out["boundary_iou"] = total[:, 0] / (total[:, 1] + total[:, 2] - total[:, 0])
np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.npz"), **out)
