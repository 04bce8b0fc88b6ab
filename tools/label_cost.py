#!/usr/bin/python3
"""What labelling costs: processor seconds, memory and disk per picture, for each explainer and each classifier.

usage: tools/label_cost.py PROGRAM [--data DIR] [--explainers A,B] [--classifiers A,B] [-o FILE.json]
       tools/label_cost.py --tables FILE.json

Runs `PROGRAM label fuse --threads 1` on photographs of DIR/voc-animals (docs/data.md) with DIR/classifiers and
counts processor time (user and system), which other programs on the machine disturb less than the clock. Each
setting is run twice, with few and with more pictures; the difference is free of the time to start. The last column
is what one core makes of 1,281,167 pictures with that one member.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

IMAGENET = 1281167
# One of each family, and the pictures of the two runs. docs/explainers.md has the forward passes of all.
EXPLAINERS = [
    ("cam", 5, 65), ("gradcam", 5, 65), ("saliency", 5, 45), ("guided_gradcam", 1, 9), ("deeplift", 1, 9), ("lrp", 1, 9),
    ("fullgrad", 1, 9), ("smoothgrad:samples=10", 1, 5), ("smoothgrad", 1, 2), ("ig:steps=10", 1, 3),
    ("lime:samples=200", 1, 2), ("rise:samples=200", 1, 2),
]
CLASSIFIERS = ["squeezenet_1.1", "squeezenet_1.0", "mobilenet_v1_0.5", "mobilenet_v1_0.75", "mobilenet_v1_1.0",
               "mobilenet_v2"]
TABLE_MODEL = "mobilenet_v2"


def run(program, data, classifier, explainer, pictures):
    """Processor seconds, peak bytes and bytes of labels of one run from nothing."""
    with tempfile.TemporaryDirectory() as out:
        command = [program, "label", "fuse", "-m", f"{data}/classifiers/{classifier}.onnx", "-x", explainer,
                   "--data", f"{data}/voc-animals", "--format", "csv", "--split", "train",
                   "--groups", f"{data}/voc-animals/imagenet_groups.json", "--limit", str(pictures),
                   "--threads", "1", "--progress", "none", "-o", out]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit code {child.returncode}: {said}")
        sizes = {"labels": 0, "manifest": os.path.getsize(f"{out}/manifest.jsonl")}
        for folder, _, files in os.walk(f"{out}/labels"):
            sizes["labels"] += sum(os.path.getsize(os.path.join(folder, f)) for f in files)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, sizes


def cost(program, data, classifier, explainer, few, more):
    first, _, _ = run(program, data, classifier, explainer, few)
    second, peak, sizes = run(program, data, classifier, explainer, more)
    result = {"classifier": classifier, "explainer": explainer, "pictures": more - few,
              "seconds": (second - first) / (more - few), "peak_bytes": peak,
              "label_bytes": sizes["labels"] / more, "manifest_bytes": sizes["manifest"] / more}
    print(f"{classifier} {explainer}: {result['seconds']:.3f} s per picture", file=sys.stderr, flush=True)
    return result


def time_text(seconds):
    for limit, unit, length in [(120, "seconds", 1), (7200, "minutes", 60), (172800, "hours", 3600),
                                (730 * 86400, "days", 86400)]:
        if seconds < limit:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / (365.25 * 86400):.1f} years"


def print_table(title, rows, key):
    print(f"| {title} | pictures per second and core | peak memory | ImageNet, 1 core | 64 cores | 1024 cores |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        times = [time_text(row["seconds"] * IMAGENET / cores) for cores in (1, 64, 1024)]
        print(f"| `{row[key]}` | {1 / row['seconds']:.3g} | {row['peak_bytes'] / 2**20:.0f} MiB | {' | '.join(times)} |")
    print()


def print_tables(results):
    print_table(f"explainer, with {TABLE_MODEL}", [r for r in results if r["classifier"] == TABLE_MODEL], "explainer")
    for explainer in dict.fromkeys(r["explainer"] for r in results):
        rows = [r for r in results if r["explainer"] == explainer]
        if len(rows) > 1:
            print_table(f"classifier, with {explainer}", rows, "classifier")
    mean = [sum(r[k] for r in results) / len(results) for k in ("label_bytes", "manifest_bytes")]
    print(f"per picture: label {mean[0]:.0f} bytes, manifest line of one member {mean[1]:.0f} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("--data", default=os.environ.get("CLEARCUT_DATA", "data"))
    parser.add_argument("--explainers")
    parser.add_argument("--classifiers")
    parser.add_argument("--tables", metavar="FILE")
    parser.add_argument("-o", "--out", default="build/label-cost.json")
    args = parser.parse_args()
    if args.tables:
        with open(args.tables) as file:
            return print_tables(json.load(file))
    if not args.program:
        parser.error("PROGRAM is needed")
    wanted = args.explainers.split(",") if args.explainers else None
    results = []
    for explainer, few, more in EXPLAINERS:
        if wanted is None or explainer in wanted:
            results.append(cost(args.program, args.data, TABLE_MODEL, explainer, few, more))
    for classifier in args.classifiers.split(",") if args.classifiers else CLASSIFIERS:
        if classifier != TABLE_MODEL:
            results.append(cost(args.program, args.data, classifier, "gradcam", 5, 65))
    with open(args.out, "w") as file:
        json.dump(results, file, indent=1)
    print_tables(results)


if __name__ == "__main__":
    main()
