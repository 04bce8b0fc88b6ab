#!/usr/bin/python3
"""mIoU of pseudo labels on voc-animals: each explainer, each classifier, ensembles of 1, 2, 4, 6 and 16 classifiers,
with and without superpixels, CRF and GrabCut. Everything is chosen on listed train pictures (--tune) and reported
once on val.

    tools/label_table.py DATA -o OUT             all of it: docs/fusion.md says what it takes
    tools/label_table.py DATA -o OUT --pictures 8 --own 1   a trial on few pictures; ends in an estimate of the whole

DATA is the folder of `make demo-real`. Start it again after an interruption: finished steps are not repeated, and
`label fuse` goes on with the picture at which it was stopped. A trial and the whole need an OUT each.

  1  classifiers  ten more, trained further from the ONNX networks on image labels     OUT/nets/
  2  maps         every member explains every picture, once                            OUT/maps/
  3  sweeps       fusion, measure and threshold of each ensemble, from kept maps       OUT/sweep/
  4  refinements  CRF presets and GrabCut on the labels of all members                 OUT/refined/
  5  OUT/table.md, OUT/table.json, and OUT/steps.jsonl: seconds and resident peak of each step
"""
import argparse
import csv
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PROGRAM = os.path.join(ROOT, "bin", "clearcut")
ONNX = ["mobilenet_v1_0.5", "mobilenet_v1_0.75", "mobilenet_v1_1.0", "mobilenet_v2", "squeezenet_1.0", "squeezenet_1.1"]
# Network, seed, smallest share of the picture in a crop. The networks differ in width and input size; SqueezeNets take
# BGR, which training does not give.
OWN = [("mobilenet_v1_0.5", 1, 0.35), ("mobilenet_v2", 2, 0.35), ("mobilenet_v1_0.75", 3, 0.35),
       ("mobilenet_v1_1.0", 4, 0.35), ("mobilenet_v1_0.5", 5, 0.7), ("mobilenet_v2", 6, 0.7),
       ("mobilenet_v1_0.75", 7, 0.7), ("mobilenet_v1_1.0", 8, 0.7), ("mobilenet_v1_0.5", 9, 0.2),
       ("mobilenet_v1_0.75", 10, 0.2)]
LAST_LAYER = {"mobilenet_v2": "conv63"}  # others: conv28, as the configuration says
EXPLAINERS = ["cam", "smoothgrad:samples=10", "ig:steps=10"]
ON_PIXELS = "minmax,percentile,rank,abs,minmax:agreement,minmax:downweight"
ON_SUPERPIXELS = "regions,regions:downweight,regions:agreement"
REFINEMENTS = ["none", "crf:rrm", "crf:labels", "crf:pmm", "grabcut"]
SUBSETS = 6  # ensembles of each size, drawn with a fixed seed; one call of the program sweeps them
PER_SWEEP = 6  # ensembles in one call: each keeps 24 bytes a pixel and fusion of its pictures
TUNE = os.path.join(ROOT, "configs", "lists", "voc-animals-tune-200.txt")


def run(args, log, name):
    """One call of the program; its times and its largest resident size go to OUT/steps.jsonl."""
    start = time.time()
    quiet = [] if args[0] == "model" else ["--progress", "none"]
    process = subprocess.Popen([PROGRAM, *args, *quiet], stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 4):  # 4: some pictures failed and are listed
        sys.exit(f"{name}: exit {code}: clearcut {' '.join(args)}\n{output}")
    with open(log, "a") as file:
        file.write(json.dumps({"step": name, "seconds": round(time.time() - start, 2),
                               "processor": round(usage.ru_utime + usage.ru_stime, 2),
                               "resident": usage.ru_maxrss * 1024, "code": code}) + "\n")
    return output


class Table:
    def __init__(self, options):
        self.o = options
        self.voc = os.path.join(options.data, "voc-animals")
        self.log = self.path("steps.jsonl")
        self.tune = self.names(TUNE)
        self.val = self.names(os.path.join(self.voc, "val.txt"))
        self.own = OWN[:options.own]
        os.makedirs(options.out, exist_ok=True)
        self.check_started()
        for name, names in (("tune", self.tune), ("val", self.val), ("both", self.tune + self.val)):
            self.write(name + ".txt", "\n".join(names) + "\n")
        self.common = ["--data", self.voc, "--format", "csv", "--masks", "masks", "--groups",
                       os.path.join(self.voc, "imagenet_groups.json")]

    def check_started(self):
        """Steps are not repeated, so OUT holds those of one question: a trial's are not taken for the whole."""
        asked = {name: getattr(self.o, name) for name in ("pictures", "own", "out_size")}
        if os.path.exists(self.path("asked.json")):
            with open(self.path("asked.json")) as file:
                started = json.load(file)
            if started != asked:
                sys.exit(f"label_table: {self.o.out} was started with {started}, and this is {asked}; give another -o")
        self.write("asked.json", json.dumps(asked))

    def path(self, *parts):
        return os.path.join(self.o.out, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def names(self, path):
        with open(path) as file:
            return file.read().split()[:self.o.pictures or None]

    # ---- 1
    def net(self, base, seed, crop):
        return self.path("nets", f"{base}-s{seed}-c{crop}.onnx")

    def train(self):
        for base, seed, crop in self.own:
            file = self.net(base, seed, crop)
            if os.path.exists(file):
                continue
            source = os.path.join(self.o.data, "classifiers", base)
            with open(source + ".json") as card:
                side = json.load(card)["input"]["shape"][2]
            rates = ["--set", f'optimiser.rates={{"{LAST_LAYER[base]}.*": 1, "*": 0.01}}'] if base in LAST_LAYER else []
            steps = ["--set", "train.epochs=~", "--set", f"train.steps={self.o.pictures}"] if self.o.pictures else []
            run(["train", "-c", os.path.join(ROOT, "configs", "voc_animals_classifier.yaml"), "--set",
                 f"root={self.voc}", "--set", f"model.name={source}.onnx", "--set", f"seed={seed}", "--set",
                 f"side={side}", "--set", f"augment.resized_crop.min_area={crop}", *rates, *steps, "-o", file[:-5], "--resume"],
                self.log, "train " + os.path.basename(file))
            run(["model", "export", file[:-5], "-o", file], self.log, "export")

    def classifiers(self):
        return ([os.path.join(self.o.data, "classifiers", name + ".onnx") for name in ONNX] +
                [self.net(*own) for own in self.own])

    # ---- 2
    def explain(self):
        done = self.path("maps.done")
        if not os.path.exists(done):
            run(["label", "fuse", "-m", ",".join(self.classifiers()), "-x", ",".join(EXPLAINERS), *self.common,
                 "--select", self.path("both.txt"), "--keep-maps", "u8", "--out-size", str(self.o.out_size),
                 "--rule", "value:0.5", "-o", self.path("maps")], self.log, "explain")
            self.write("maps.done", "")
        with open(self.path("maps", "job.json")) as job:
            return [one["name"] for one in json.load(job)["classifiers"]]

    # ---- 3
    def sweep(self, name, subsets, superpixels):
        folder = self.path("sweep", name + ("-superpixels" if superpixels else ""))
        if not os.path.exists(os.path.join(folder, "sweep.json")):
            run(["label", "sweep", "--kept", self.path("maps"), *self.common[2:4], *self.common[:2], *self.common[4:6],
                 "--choose", self.path("tune.txt"), "--apply", self.path("val.txt"), "--subsets", ",".join(subsets),
                 "--fusions", ON_SUPERPIXELS if superpixels else ON_PIXELS, "--measures", "rank,value,votes",
                 "--thresholds", "0:1:0.02", "-o", folder], self.log, "sweep " + os.path.basename(folder))
        with open(os.path.join(folder, "sweep.json")) as file:
            return [row for row in json.load(file)["rows"] if row["classifiers"]]

    def ensembles(self, names):
        """Subsets of classifiers by size; of each size SUBSETS different ones, or all if there are fewer."""
        chance = random.Random(1)
        sizes = {}
        for size in (2, 4, 6):
            drawn = set()
            while size < len(names) and len(drawn) < min(SUBSETS, math.comb(len(names), size)):
                drawn.add(tuple(sorted(chance.sample(range(len(names)), size))))
            sizes[size] = ["+".join(names[i] for i in one) for one in sorted(drawn)]
        return sizes

    def sweeps(self, names):
        rows = []
        for superpixels in (False, True):
            def keep(kind, size, found):
                for row in found:
                    rows.append({"kind": kind, "size": size, "superpixels": superpixels, **row})
            keep("explainer", len(names), self.sweep("explainers", ["explainers"], superpixels))
            for first in range(0, len(names), PER_SWEEP):
                keep("classifier", 1,
                     self.sweep(f"classifiers-{first}", names[first:first + PER_SWEEP], superpixels))
            for size, subsets in self.ensembles(names).items():
                for first in range(0, len(subsets), PER_SWEEP):
                    keep("ensemble", size,
                         self.sweep(f"size{size}-{first}", subsets[first:first + PER_SWEEP], superpixels))
            keep("ensemble", len(names), self.sweep("all", ["all"], superpixels))
        return rows

    # ---- 4
    def truth(self, split):
        """The true masks of the pictures of one list, and no others."""
        folder = self.path("truth", split)
        os.makedirs(folder, exist_ok=True)
        for name in self.names(self.path(split + ".txt")):
            if not os.path.lexists(os.path.join(folder, name + ".png")):
                os.symlink(os.path.abspath(os.path.join(self.voc, "masks", name + ".png")),
                           os.path.join(folder, name + ".png"))
        return folder

    def refined(self, fusion, rule, refine, split):
        """mIoU of labels that one rule and refinement make of the kept maps."""
        name = f"{split}-{fusion}-{rule}-{refine}".replace(":", "_").replace("/", "_")
        folder = self.path("refined", name)
        if not os.path.exists(os.path.join(folder, "eval.json")):
            variant, *more = fusion.split(":")
            words = [["--weights", w] if w in ("agreement", "accuracy") else ["--wrong", w] for w in more]
            run(["label", "fuse", "--kept", self.path("maps"), *self.common, "--select", self.path(split + ".txt"),
                 "--consensus", variant, *sum(words, []), "--rule", rule, "--refine", refine, "-o", folder],
                self.log, "refine " + refine)
            run(["eval", "--pred", os.path.join(folder, "labels"), "--gt", self.truth(split),
                 "--classes", os.path.join(self.voc, "classes.txt"), "-o", folder], self.log, "eval")
        with open(os.path.join(folder, "eval.json")) as file:
            return json.load(file)["miou"]

    def refinements(self, rows):
        """Of all members, with the fusion that was chosen: threshold and refinement are chosen together on tune."""
        made = []
        for row in rows:
            if row["kind"] != "ensemble" or row["name"] != "all/all":
                continue
            measure, threshold = row["setting"].split(":")
            bars = sorted({round(min(0.98, max(0.02, float(threshold) + d)), 2) for d in (-0.15, 0, 0.15)})
            for refine in REFINEMENTS:
                tried = [(self.refined(row["consensus"], f"{measure}:{bar}", refine, "tune"), bar) for bar in bars]
                best, bar = max(tried)
                made.append({"fusion": row["consensus"], "rule": f"{measure}:{bar}", "refine": refine, "tune": best,
                             "superpixels": row["superpixels"],
                             "val": self.refined(row["consensus"], f"{measure}:{bar}", refine, "val")})
        return made

    # ---- 5
    def report(self, rows, refined):
        lines = ["| labels | superpixels | fused by | setting | mIoU on val | 95 % |", "|---|---|---|---|---|---|"]
        for row in rows:
            if row["kind"] == "ensemble" and row["name"] != "all/all":
                continue
            i = row["interval"]
            lines.append(f"| {row['name']} | {'yes' if row['superpixels'] else 'no'} | {row['consensus']} | "
                         f"{row['setting']} | {100 * row['miou']:.1f} | {100 * i['low']:.1f} to {100 * i['high']:.1f} |")
        lines += ["", "| classifiers | superpixels | ensembles | mean mIoU | deviation | lowest | highest |",
                  "|---|---|---|---|---|---|---|"]
        for superpixels in (False, True):
            sizes = {}
            for row in rows:
                if row["kind"] != "explainer" and row["superpixels"] == superpixels:
                    sizes.setdefault(row["size"], []).append(100 * row["miou"])
            for size, found in sorted(sizes.items()):
                spread = statistics.stdev(found) if len(found) > 1 else 0
                lines.append(f"| {size} | {'yes' if superpixels else 'no'} | {len(found)} | "
                             f"{statistics.mean(found):.1f} | {spread:.1f} | {min(found):.1f} | {max(found):.1f} |")
        lines += ["", "| all members | rule | refined by | mIoU on tune | on val |", "|---|---|---|---|---|"]
        lines += [f"| {r['fusion']} | {r['rule']} | {r['refine']} | {100 * r['tune']:.1f} | {100 * r['val']:.1f} |"
                  for r in refined]
        if refined:
            best = max(refined, key=lambda r: r["tune"])
            lines += ["", f"Best on the train pictures: {best['fusion']}, {best['rule']}, refine {best['refine']}: "
                      f"{100 * best['val']:.1f} mIoU on val."]
        self.write("table.md", "\n".join(lines) + "\n")
        self.write("table.json", json.dumps({"rows": rows, "refined": refined}, indent=1))
        print("\n".join(lines))

    def estimate(self):
        """What the whole takes, from a trial: steps that grow with the pictures, with the classifiers, or with both."""
        sums = {}
        with open(self.log) as file:
            for line in map(json.loads, file):
                step = line["step"].split()[0]
                sums[step] = sums.get(step, 0) + line["processor"]
        with open(os.path.join(self.voc, "labels.csv")) as file:
            train = sum(1 for row in csv.DictReader(file) if row["split"] == "train" and "+" not in row["classes"])
        pictures = (200 + 223) / (len(self.tune) + len(self.val))
        members = (len(ONNX) + len(OWN)) / (len(ONNX) + len(self.own))
        scale = {"train": 2 * train / 16 / max(1, self.o.pictures) * len(OWN) / max(1, len(self.own)),
                 "explain": pictures * members, "sweep": pictures * members, "refine": pictures * members}
        for step, seconds in sums.items():
            print(f"{step}: {seconds:.0f} processor seconds here, about {seconds * scale.get(step, 1) / 60:.0f} minutes "
                  "of one core in all")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--pictures", type=int, default=0, help="a trial: the first N of each list")
    parser.add_argument("--own", type=int, default=len(OWN), help="how many of the ten trained classifiers")
    parser.add_argument("--out-size", type=int, default=56, help="side of the kept maps")
    options = parser.parse_args()
    table = Table(options)
    table.train()
    names = table.explain()
    rows = table.sweeps(names)
    table.report(rows, table.refinements(rows))
    if options.pictures:
        table.estimate()


if __name__ == "__main__":
    main()
