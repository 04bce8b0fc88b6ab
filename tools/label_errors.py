#!/usr/bin/python3
"""Where pseudo labels are wrong: a sheet of the best, the middle and the worst pictures, without the pictures.

    tools/label_errors.py LABELS TRUTH PICTURES.csv -o SHEET.png [--each 8]

LABELS and TRUTH are folders of label PNGs of the same names, PICTURES.csv is what `clearcut eval --pred` writes beside
eval.json. Each tile is one label over its truth: green found, blue missed, orange too much, red of another class, light
gray undecided. Prints, per class of the truth, the share of its pixels that is found, missed or of another class, and
how many pixels are too much per pixel of the class.
"""
import argparse
import csv
import os

import numpy
from PIL import Image

IGNORED = 255
COLOURS = numpy.array([[250, 250, 250], [44, 140, 60], [52, 98, 200], [240, 150, 30], [200, 30, 40], [205, 205, 205]],
                      numpy.uint8)
EMPTY, FOUND, MISSED, TOO_MUCH, OTHER, UNDECIDED = range(6)
TILE = 96


def read(path):
    return numpy.array(Image.open(path))


def kinds(label, truth):
    """What each pixel is: an index of COLOURS."""
    kind = numpy.full(truth.shape, EMPTY, numpy.uint8)
    kind[(truth > 0) & (label == truth)] = FOUND
    kind[(truth > 0) & (label == 0)] = MISSED
    kind[(truth == 0) & (label > 0)] = TOO_MUCH
    kind[(truth > 0) & (label > 0) & (label != truth)] = OTHER
    kind[(truth == IGNORED) | (label == IGNORED)] = UNDECIDED
    return kind


def framed(picture):
    scale = (TILE - 4) / max(picture.size)
    picture = picture.resize([max(1, round(scale * side)) for side in picture.size], Image.NEAREST)
    frame = Image.new("RGB", (TILE, TILE), (120, 120, 120))
    frame.paste(picture, ((TILE - picture.width) // 2, (TILE - picture.height) // 2))
    return frame


def sheet(rows, colours):
    """Of rows of arrays [H, W, 3], a tile each."""
    picture = Image.new("RGB", (TILE * max(map(len, rows)), TILE * len(rows)), (255, 255, 255))
    for y, row in enumerate(rows):
        for x, pixels in enumerate(row):
            picture.paste(framed(Image.fromarray(pixels)), (x * TILE, y * TILE))
    return picture.quantize(colours, dither=Image.Dither.NONE)


def table(labels, truths):
    classes = sorted(set(numpy.unique(numpy.concatenate([t.ravel() for t in truths]))) - {0, IGNORED})
    print("class  found  missed  other  too much")
    for c in classes:
        found = missed = other = more = 0
        for label, truth in zip(labels, truths):
            mine = (truth == c) & (label != IGNORED)
            found += numpy.count_nonzero(mine & (label == c))
            missed += numpy.count_nonzero(mine & (label == 0))
            other += numpy.count_nonzero(mine & (label != c) & (label != 0))
            more += numpy.count_nonzero((truth == 0) & (label == c))
        pixels = max(1, found + missed + other)
        print(f"{c:5d}  {found / pixels:5.2f}  {missed / pixels:6.2f}  {other / pixels:5.2f}  {more / pixels:8.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels")
    parser.add_argument("truth")
    parser.add_argument("pictures")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--each", type=int, default=8, help="pictures of each row")
    options = parser.parse_args()
    with open(options.pictures) as file:
        scored = sorted(csv.DictReader(file), key=lambda row: float(row["miou"]), reverse=True)
    names = [os.path.splitext(row["picture"])[0] + ".png" for row in scored]
    labels = [read(os.path.join(options.labels, name)) for name in names]
    truths = [read(os.path.join(options.truth, name)) for name in names]
    kept = [COLOURS[kinds(label, truth)] for label, truth in zip(labels, truths)]
    middle = max(0, len(kept) // 2 - options.each // 2)
    rows = [kept[:options.each], kept[middle:middle + options.each], kept[-options.each:]]
    sheet(rows, 8).save(options.out, optimize=True)
    table(labels, truths)


if __name__ == "__main__":
    main()
