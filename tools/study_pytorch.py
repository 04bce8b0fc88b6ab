#!/usr/bin/python3
"""The recipe of configs/study_resnet18.yaml in clearcut and in PyTorch, short runs of several seeds each.

usage: study_pytorch.py PROGRAM IMAGENETTE [--steps 300] [--seeds 3] [--threads 2]

Prints loss and top-1 of every run, the means, and the difference in standard errors; fails beyond three of them. The
two sides share the recipe, not the random numbers, so single runs differ.
"""
import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from statistics import mean

import numpy
import torch
import torchvision
from PIL import Image, ImageEnhance
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms.functional import resized_crop

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = os.path.join(HERE, "..", "configs", "study_resnet18.yaml")
SIZE, BATCH, WARM_UP = 128, 32, 200
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
TAIL = 100  # the loss of a run is the mean over its last steps


def items(root, name):
    with open(os.path.join(root, name)) as file:
        rows = [line.split() for line in file]
    return [(os.path.join(root, path), int(label)) for path, label in rows]


def turn_hue(picture, turn):
    hsv = numpy.array(picture.convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(int) + turn) % 256
    return Image.fromarray(hsv, "HSV").convert("RGB")


def distorted(picture, draw):
    """Each change with a chance of one half, in random order."""
    by = {enhance: (lambda p, e=enhance: e(p).enhance(draw.uniform(0.8, 1.2)))
          for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)}
    changes = [*by.values(), lambda p: turn_hue(p, int(draw.uniform(-10, 10)))]
    draw.shuffle(changes)
    for change in changes:
        if draw.random() < 0.5:
            picture = change(picture)
    return picture


def normalised(picture):
    x = torch.from_numpy(numpy.array(picture)).float() / 255
    return ((x - MEAN) / DEVIATION).permute(2, 0, 1)


def training_picture(path, draw):
    with Image.open(path) as file:
        picture = file.convert("RGB")
    box = RandomResizedCrop.get_params(picture, scale=(0.35, 1), ratio=(3 / 4, 4 / 3))
    picture = resized_crop(picture, *box, size=[SIZE, SIZE], interpolation=InterpolationMode.BILINEAR)
    if draw.random() < 0.5:
        picture = picture.transpose(Image.FLIP_LEFT_RIGHT)
    return normalised(distorted(picture, draw))


def rate_at(step, steps):
    if step < WARM_UP:
        return 0.05 * step / WARM_UP
    return 0.025 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


def batches(pictures, steps, draw):
    order = []
    for _ in range(steps):
        if len(order) < BATCH:
            order = random.Random(draw.random()).sample(range(len(pictures)), len(pictures))
        chosen = [pictures[order.pop()] for _ in range(BATCH)]
        yield (torch.stack([training_picture(path, draw) for path, _ in chosen]),
               torch.tensor([label for _, label in chosen]))


def top1(model, root):
    model.eval()
    pictures, right = items(root, "val.txt"), 0
    with torch.no_grad():
        for k in range(0, len(pictures), BATCH):
            some = pictures[k:k + BATCH]
            x = torch.stack([normalised(Image.open(path).convert("RGB")) for path, _ in some])
            right += int((model(x).argmax(1) == torch.tensor([label for _, label in some])).sum())
    return right / len(pictures)


def pytorch_run(root, steps, seed):
    torch.manual_seed(seed)
    draw = random.Random(seed)
    model = torchvision.models.resnet18(num_classes=10)
    sgd = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    losses = []
    for step, (x, labels) in enumerate(batches(items(root, "train.txt"), steps, draw)):
        sgd.param_groups[0]["lr"] = rate_at(step, steps)
        loss = torch.nn.functional.cross_entropy(model(x), labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return mean(losses[-TAIL:]), top1(model, root)


def clearcut_run(program, root, steps, seed, threads):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "train", "-c", CONFIG, "-o", folder, "--threads", str(threads), "--set", f"root={root}",
                        "--set", f"train.steps={steps}", "--set", "train.log_every=1", "--set", "train.eval_every=0",
                        "--set", f"seed={seed}"], check=True, capture_output=True)
        with open(os.path.join(folder, "metrics.jsonl")) as file:
            records = [json.loads(line) for line in file]
        with open(os.path.join(folder, "result.json")) as file:
            score = json.load(file)["score"]
    losses = [r["loss"] for r in records if r["kind"] == "train"]
    return mean(losses[-TAIL:]), score


def mean_and_error(values):
    middle = mean(values)
    return middle, math.sqrt(sum((v - middle) ** 2 for v in values) / (len(values) - 1) / len(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("imagenette")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    runs = {"clearcut": [], "pytorch": []}
    for seed in range(1, a.seeds + 1):
        runs["clearcut"].append(clearcut_run(a.program, a.imagenette, a.steps, seed, a.threads))
        runs["pytorch"].append(pytorch_run(a.imagenette, a.steps, seed))
        for side in runs:
            print(f"{side:9} seed {seed}  loss {runs[side][-1][0]:.4f}  top-1 {100 * runs[side][-1][1]:.1f}", flush=True)
    agree = True
    for k, name, factor in ((0, "loss", 1), (1, "top-1", 100)):
        ours, theirs = (mean_and_error([factor * run[k] for run in runs[side]]) for side in runs)
        errors = (ours[0] - theirs[0]) / math.hypot(ours[1], theirs[1])
        agree = agree and abs(errors) <= 3
        print(f"{name}: clearcut {ours[0]:.3f} +- {ours[1]:.3f}, PyTorch {theirs[0]:.3f} +- {theirs[1]:.3f}: "
              f"{errors:+.1f} standard errors apart")
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
