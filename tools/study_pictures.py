#!/usr/bin/python3
"""Labels and predictions of a study as sheets of shapes, without the pictures.

    tools/study_pictures.py PROGRAM WORK DATA -o FOLDER [--seed 1] [--slide 96] [--each 10]

WORK is the folder of `make study`. Writes labels.png: one row per label stage of the seed, the labels of the same
pictures, each class in its colour; NETWORK-camvid.png: one row per arm, predicted classes in the palette of the data
set; NETWORK-voc-animals.png: one row per arm, each prediction over its truth: green found, blue missed, orange too much,
red of another class.
"""
import argparse
import glob
import os
import subprocess
import tempfile

import numpy

import label_errors

ARMS = ("random", "trunk", "pssl")
LABELS = ("labels", "labels-box", "labels-shuffle", "labels-cam", "labels-one", "labels-plain", "labels-crf", "labels-refined")
VIEWS = {"camvid": [], "voc-animals": ["--resize-short", "96"]}  # as eval of configs/study_TARGET.yaml
PALETTE = numpy.array([[250, 250, 250], [31, 119, 180], [255, 127, 14], [44, 160, 44], [214, 39, 40], [148, 103, 189],
                       [140, 86, 75], [227, 119, 194], [127, 127, 127], [188, 189, 34], [23, 190, 207]], numpy.uint8)


def spread(names, count):
    """`count` of them at equal distances."""
    names = sorted(names)
    return [names[i * len(names) // count] for i in range(min(count, len(names)))]


def in_colours(mask, palette):
    return palette[numpy.minimum(mask, len(palette) - 1)]


def save(rows, path):
    label_errors.sheet(rows, 32).save(path, optimize=True)


def predictions(program, run, pictures, views):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "predict", "-m", run, "-o", folder, *views, *pictures], check=True, capture_output=True)
        return [label_errors.read(os.path.join(folder, os.path.splitext(os.path.basename(p))[0] + ".png"))
                for p in pictures]


def label_sheet(a):
    stages = [s for s in LABELS if os.path.isdir(os.path.join(a.work, f"{s}-{a.seed}", "labels"))]
    if not stages:
        return
    root = os.path.join(a.work, f"labels-{a.seed}", "labels")
    names = spread([os.path.relpath(p, root) for p in glob.glob(root + "/**/*.png", recursive=True)], a.each)
    rows = []
    for stage in stages:
        paths = [os.path.join(a.work, f"{stage}-{a.seed}", "labels", name) for name in names]
        rows.append([in_colours(label_errors.read(p), PALETTE) for p in paths if os.path.exists(p)])
    save(rows, os.path.join(a.out, "labels.png"))
    print("labels.png:", ", ".join(stages))


def camvid_palette(data):
    with open(os.path.join(data, "camvid", "classes.txt")) as file:
        rows = [line.split() for line in file if line.strip()]
    return numpy.array([[int(v) for v in row[-3:]] for row in rows], numpy.uint8)


def target_sheet(a, stage, target):
    run = os.path.join(a.work, stage)
    root = os.path.join(a.data, target)
    with open(os.path.join(root, "val.txt")) as file:
        names = spread([line.split()[0] for line in file if line.strip()], a.each)
    voc = target == "voc-animals"
    pictures = [os.path.join(root, "images", n + ".jpg") if voc else os.path.join(root, n) for n in names]
    rows = []
    for arm in ARMS:
        found = predictions(a.program, os.path.join(run, f"{arm}-seed{a.seed}"), pictures,
                            VIEWS[target] + (["--slide", a.slide] if a.slide else []))
        if voc:
            truths = [label_errors.read(os.path.join(root, "masks", n + ".png")) for n in names]
            rows.append([label_errors.COLOURS[label_errors.kinds(p, t)] for p, t in zip(found, truths)])
        else:
            rows.append([in_colours(p, camvid_palette(a.data)) for p in found])
    network = stage.removeprefix("finetune-").removesuffix(f"-{target}-{a.seed}")
    save(rows, os.path.join(a.out, f"{network}-{target}.png"))
    print(f"{network}-{target}.png:", ", ".join(ARMS))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("work")
    parser.add_argument("data")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slide", help="predict by windows of this size, as the rescore stages of the study do")
    parser.add_argument("--each", type=int, default=10, help="pictures of each row")
    a = parser.parse_args()
    os.makedirs(a.out, exist_ok=True)
    label_sheet(a)
    for target in ("camvid", "voc-animals"):
        for stage in sorted(glob.glob(os.path.join(a.work, f"finetune-*-{target}-{a.seed}"))):
            if all(os.path.exists(os.path.join(stage, f"{arm}-seed{a.seed}", "result.json")) for arm in ARMS):
                target_sheet(a, os.path.basename(stage), target)


if __name__ == "__main__":
    main()
