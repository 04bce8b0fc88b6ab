"""Writes transforms.npz: resizing and colour changes as Pillow and OpenCV do them.

Run with Debian 12's python3 (Pillow 9.4, OpenCV 4.6, numpy 1.24): python3 transforms.py
"""
import os

import cv2
import numpy as np
from PIL import Image, ImageEnhance

rng = np.random.RandomState(3)
out = {}
picture = rng.randint(0, 256, (23, 31, 3)).astype(np.uint8)
labels = rng.randint(0, 9, (23, 31)).astype(np.int32)
out["picture"], out["labels"] = picture, labels
image = Image.fromarray(picture)

for height, width in ((23, 31), (7, 9), (40, 50), (11, 62), (1, 1), (46, 15)):
    size = "%dx%d" % (height, width)
    out["triangle:" + size] = np.asarray(image.resize((width, height), Image.BILINEAR))
    out["bilinear:" + size] = cv2.resize(picture.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    out["cubic:" + size] = np.asarray(image.resize((width, height), Image.BICUBIC))
    out["area:" + size] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    out["nearest picture:" + size] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
    out["nearest:" + size] = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
# box: left, top, right, bottom
out["box"] = np.asarray(image.resize((13, 12), Image.BILINEAR, box=(2.25, 1.5, 25.75, 21.875)))

for factor in (0.0, 0.37, 0.8, 1.0, 1.25, 1.9):
    name = "%g" % factor
    out["brightness:" + name] = np.asarray(ImageEnhance.Brightness(image).enhance(factor))
    out["contrast:" + name] = np.asarray(ImageEnhance.Contrast(image).enhance(factor))
    out["saturation:" + name] = np.asarray(ImageEnhance.Color(image).enhance(factor))
    out["sharpness:" + name] = np.asarray(ImageEnhance.Sharpness(image).enhance(factor))
for delta in (-18.0, -7.6, 0.0, 5.5, 17.9):
    hsv = np.array(image.convert("HSV"))
    hue = np.trunc(hsv[:, :, 0] + delta).astype(np.int64) % 256  # truncated, then 8-bit wrap-around
    hsv[:, :, 0] = hue.astype(np.uint8)
    out["hue:%g" % delta] = np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))
# Grays, primaries and near ties of the HSV conversion.
corners = np.array([[(r, g, b) for g in (0, 1, 127, 128, 254, 255) for b in (0, 1, 127, 128, 254, 255)]
                    for r in (0, 1, 127, 128, 254, 255)], np.uint8)
out["corners"] = corners
hsv = np.array(Image.fromarray(corners).convert("HSV"))
hsv[:, :, 0] += np.uint8(11)
out["corners_hue:11"] = np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))

np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "transforms.npz"), **out)
