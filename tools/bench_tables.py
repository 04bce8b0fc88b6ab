#!/usr/bin/python3
"""The tables of docs/performance.md from measured files.

usage: tools/bench_tables.py FILE...
  build/bench-peers.json, from make bench-peers       the table against PyTorch
  a file from clearcut bench kernels --json           shares of the limits by kind of layer
"""
import json
import re
import sys

KINDS = [  # of a task by its name, the first that fits
    ("depthwise", r"depthwise"),
    ("ASPP, dilation 12 and 36", r" d(12|36) "),
    ("3x3, dilation 2 and 4", r"^3x3 d"),
    ("3x3 of HRNet's 18 to 144 channels", r"^3x3 (18-18|36-36|72-72|144-144|s2 18-36) "),
    ("1x1 of HRNet", r"^1x1 36-18 "),
    ("stem 7x7, stride 2", r"^7x7"),
    ("3x3, stride 1", r"^3x3 \d"),
    ("3x3, stride 2", r"^3x3 s2"),
    ("1x1, stride 2", r"^1x1 s2"),
    ("1x1, stride 1", r"^1x1"),
]
DIRECTIONS = ["forward", "input", "weight"]


def kind_of(name):
    return next((kind for kind, pattern in KINDS if re.search(pattern, name)), None)


def percent(share):
    return f"{100 * share:.0f} %"


def print_row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |")


def print_head(*cells):
    print_row(*cells)
    print("|---" * len(cells) + "|")


def print_peers(rows):
    print_head("work", "threads", "clearcut", "PyTorch", "as fast", "memory, MiB", "of PyTorch's", "share of peak")
    for r in rows:
        mebibytes = [r[k] / 2**20 for k in ("ours_peak_bytes", "peer_peak_bytes")]
        print_row(r["work"], r["threads"], f"{1e3 * r['ours_s']:.1f} ms", f"{1e3 * r['peer_s']:.1f} ms",
                  f"{r['speedup']:.2f} x", f"{mebibytes[0]:.0f}", f"{mebibytes[0] / mebibytes[1]:.2f}",
                  percent(r["share_of_peak"]))
    print()


def planned(task):
    return next(c for c in task["candidates"] if c["planned"])


def print_layers(tasks, peak):
    work, time, names = {}, {}, {}
    for task in tasks:
        whole = "all of " + task["suite"] if task["suite"] == "resnet50" else None
        for kind in (kind_of(task["name"]), whole):
            if kind is None or task["direction"] not in DIRECTIONS:
                continue
            cell = kind, task["direction"]
            work[cell] = work.get(cell, 0) + task["count"] * task["operations"]
            time[cell] = time.get(cell, 0) + task["count"] * planned(task)["median"]
            names.setdefault(cell, set()).add(planned(task)["kernel"])
    print_head("kind of layer", "forward", "input gradient", "weight gradient")
    for kind in [k for k, _ in KINDS][::-1] + ["all of resnet50"]:
        cells = [(kind, d) for d in DIRECTIONS]
        if all(c in work for c in cells):
            print_row(kind, *(f"{percent(work[c] / time[c] / peak)} ({', '.join(sorted(names[c]))})" for c in cells))
    print()


def print_products(tasks):
    products = [t for t in tasks if t["direction"] == "product"]
    if not products:
        return
    print_head("product M x N x K", "GFLOP/s", "share of peak")
    for task in products:
        best = planned(task)
        print_row(task["name"], f"{1e-9 * best['flops']:.1f}", percent(best["share_of_peak"]))
    print()


def print_memory(tasks):
    passes = [t for t in tasks if t["suite"] == "memory"]
    if not passes:
        return
    print_head("step", "", "ms", "MB", "GB/s", "share of the copy bandwidth")
    for task in passes:
        best = planned(task)
        print_row(task["name"], task["direction"], f"{1e3 * best['median']:.2f}", f"{1e-6 * task['bytes']:.1f}",
                  f"{1e-9 * best['bytes_per_second']:.1f}", percent(best["share_of_bandwidth"]))
    print()


def print_kernels(data):
    machine = data["machine"]
    rates = ", ".join(f"{name} {' / '.join(f'{1e-9 * machine[key][r]:.0f}' for r in ('read', 'copy', 'triad'))}"
                      for name, key in (("L2", "l2"), ("L3", "l3"), ("memory", "memory")))
    print(f"{machine['isa']}, {machine['threads']} threads: {1e-9 * machine['flops']:.1f} GFLOP/s; "
          f"read / copy / triad in GB/s: {rates}\n")
    print_layers(data["tasks"], machine["flops"])
    print_products(data["tasks"])
    print_memory(data["tasks"])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for path in sys.argv[1:]:
        with open(path) as file:
            data = json.load(file)
        if isinstance(data, list):
            print_peers(data)
        else:
            print_kernels(data)


if __name__ == "__main__":
    main()
