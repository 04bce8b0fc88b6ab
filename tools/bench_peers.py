#!/usr/bin/python3
"""clearcut and PyTorch in turn (A B A B) on the same graphs, each run in a process of its own.

Prints ratios of medians and writes build/bench-peers.json. Parameters and multiply-adds of the two graphs must be
equal. PyTorch runs in the mode and memory layout that is fastest for the work here and now; what is not installed
is skipped by name. Times mean little on a machine with other work: both sides then say so.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "..", "bin", "clearcut")
OUTPUT = os.path.join(HERE, "..", "build", "bench-peers.json")
DATA = os.environ.get("CLEARCUT_DATA") or os.path.join(HERE, "..", "..", "shared", "data")
MOBILENET = os.path.join(DATA, "classifiers", "mobilenet_v2.onnx")

INFERENCE = ["nchw", "nhwc", "optimized", "nhwc+frozen", "nhwc+folded"]
TRAINING = ["nchw", "nhwc"]
GRADIENT = ["nchw", "nhwc", "nchw+folded", "nhwc+folded"]
# Name of the work for tools/peers/torch_work.py, our arguments of `clearcut bench`, modes that PyTorch may choose from.
WORKS = [
    ("resnet50 forward b1", ["predict", "resnet50", "--batch", "1"], INFERENCE),
    ("resnet50 forward b8", ["predict", "resnet50", "--batch", "8"], INFERENCE),
    ("resnet50 training b8", ["train", "resnet50", "--batch", "8"], TRAINING),
    ("pspnet_resnet50 training b2", ["train", "pspnet_resnet50", "--batch", "2"], TRAINING),
    ("deeplabv3_resnet50 training b2", ["train", "deeplabv3_resnet50", "--batch", "2"], TRAINING),
    ("hrnet_w18 training b2", ["train", "hrnet_w18", "--batch", "2"], TRAINING),
    ("fcn_hrnet_w18 training b2", ["train", "fcn_hrnet_w18", "--batch", "2"], TRAINING),
    ("ocrnet_hrnet_w18 training b2", ["train", "ocrnet_hrnet_w18", "--batch", "2"], TRAINING),
    ("pspnet_resnet50 forward 480", ["predict", "pspnet_resnet50", "--size", "480"], INFERENCE),
    ("deeplabv3_resnet50 forward 480", ["predict", "deeplabv3_resnet50", "--size", "480"], INFERENCE),
    ("fcn_hrnet_w18 forward 480", ["predict", "fcn_hrnet_w18", "--size", "480"], INFERENCE),
    ("ocrnet_hrnet_w18 forward 480", ["predict", "ocrnet_hrnet_w18", "--size", "480"], INFERENCE),
    ("smoothgrad 50 resnet50", ["explain", "resnet50", "-x", "smoothgrad:samples=50"], GRADIENT),
    ("lime 200 resnet50", ["explain", "resnet50", "-x", "lime:samples=200"], INFERENCE),
    ("mobilenet_v2 forward b8", ["predict", MOBILENET, "--batch", "8"], INFERENCE),
    ("smoothgrad 50 mobilenet_v2", ["explain", MOBILENET, "-x", "smoothgrad:samples=50"], GRADIENT),
    ("lime 1000 mobilenet_v2", ["explain", MOBILENET, "-x", "lime:samples=1000"], INFERENCE),
]
OPTIMISER_BYTES = 12  # of a parameter, its gradient and its velocity: both sides need them, no skill is in it


class Skipped(Exception):
    pass


def environment(threads, sleep):
    """Both sides get all settings from us. Our idle threads sleep; PyTorch's do as it likes."""
    env = {k: v for k, v in os.environ.items() if not re.match("OMP_|GOMP_|OPENBLAS_|MKL_|KMP_", k)}
    env["OMP_NUM_THREADS"] = str(threads)
    if sleep:
        env["GOMP_SPINCOUNT"] = "5000"  # as the program chooses for itself
    return env


def run(command, env):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise Skipped(lines[-1])
    return json.loads(done.stdout[done.stdout.index("{"):])


def run_ours(arguments, threads, repetitions):
    command = [PROGRAM, "bench", *arguments, "--threads", str(threads), "--reps", str(repetitions), "--json"]
    result = run(command, environment(threads, True))
    return {"median": result["seconds"]["median"], "clean": result["clean_samples"], "samples": result["samples"],
            "peak_bytes": result["resident_bytes"], "parameters": result["parameters"],
            "multiply_adds": result["forward_multiply_adds"], "operations": result["operations"],
            "machine_flops": result["machine"]["flops"]}


def run_torch(work, mode, threads, repetitions):
    command = [sys.executable, os.path.join(HERE, "peers", "torch_work.py"), work, mode, str(threads), str(repetitions)]
    result = run(command, environment(threads, False))
    if not result["fast_blas"]:
        raise Skipped("torch runs on the reference BLAS, which is ten times slower than it can be: "
                      "apt-get install libopenblas0-pthread")
    return result


def fastest_mode(work, modes, threads):
    tried = {}
    for mode in modes:
        try:
            tried[mode] = run_torch(work, mode, threads, 1)["min"]
        except Skipped as reason:
            if "BLAS" in str(reason):
                raise
            print(f"    mode {mode} does not run: {reason}")
    if not tried:
        raise Skipped("torch runs it in no mode")
    return min(tried, key=tried.get)


def check_same_graph(work, ours, peer):
    for what in ("parameters", "multiply_adds"):
        if ours[what] != peer[what]:
            sys.exit(f"{work}: the graphs differ: {what} {ours[what]} here, {peer[what]} in PyTorch")


def compare(work, arguments, modes, threads, options):
    model = arguments[1]
    if model.endswith(".onnx") and not os.path.exists(model):
        raise Skipped(f"there is no {os.path.normpath(model)}; CLEARCUT_DATA=folder says where classifiers/ lies")
    ours, peers = [run_ours(arguments, threads, options.reps)], []
    mode = fastest_mode(work, modes, threads)
    for turn in range(options.rounds):
        if turn > 0:
            ours.append(run_ours(arguments, threads, options.reps))
        peers.append(run_torch(work, mode, threads, options.reps))
    check_same_graph(work, ours[0], peers[0])
    fixed = OPTIMISER_BYTES * ours[0]["parameters"] if "training" in work else 0
    ours_s, peer_s = (statistics.median(r["median"] for r in runs) for runs in (ours, peers))
    row = {"work": work, "threads": threads, "ours_s": ours_s, "peer_s": peer_s, "speedup": peer_s / ours_s,
           "ours_peak_bytes": max(r["peak_bytes"] for r in ours) - fixed,
           "peer_peak_bytes": max(r["peak_bytes"] for r in peers) - fixed,
           "parameters": ours[0]["parameters"],
           "share_of_peak": ours[0]["operations"] / ours_s / max(r["machine_flops"] for r in ours),
           "peer": f"torch {peers[0]['version']}, {mode}", "multiply_adds": ours[0]["multiply_adds"],
           "ours_clean": sum(r["clean"] for r in ours), "ours_samples": sum(r["samples"] for r in ours),
           "peer_clean": sum(r["clean"] for r in peers), "peer_samples": sum(r["samples"] for r in peers)}
    return row


def print_row(row):
    memory = row["ours_peak_bytes"] / row["peer_peak_bytes"]
    print(f"{row['work']:30} {row['threads']} threads  ours {row['ours_s']:8.4f} s  torch {row['peer_s']:8.4f} s  "
          f"{row['speedup']:5.2f} x as fast, {memory:4.2f} of the memory, {100 * row['share_of_peak']:4.0f} % of peak  "
          f"({row['peer']}; undisturbed samples: ours {row['ours_clean']} of {row['ours_samples']}, "
          f"torch {row['peer_clean']} of {row['peer_samples']})", flush=True)


def missing_packages():
    try:
        import torch  # noqa: F401
        import torchvision  # noqa: F401
    except ImportError as error:
        return f"{error}: apt-get install python3-torch python3-torchvision libopenblas0-pthread (make deps-all)"
    return None


def compare_all(options):
    wanted = options.work.split(",")
    rows = []
    for threads in [int(t) for t in options.threads.split(",")]:
        for work, arguments, modes in WORKS:
            if not any(part in work for part in wanted):
                continue
            try:
                rows.append(compare(work, arguments, modes, threads, options))
                print_row(rows[-1])
            except Skipped as reason:
                print(f"{work:30} {threads} threads  skipped: {reason}", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default="", help="only works whose name contains this; several with commas")
    parser.add_argument("--threads", default="1,2", help="numbers with commas")
    parser.add_argument("--reps", type=int, default=5, help="undisturbed samples of each run")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each side")
    parser.add_argument("--output", default=OUTPUT, help="file for the rows, JSON")
    options = parser.parse_args()
    reason = missing_packages()
    if reason:
        print(f"skipped: PyTorch: {reason}")
    rows = [] if reason else compare_all(options)
    os.makedirs(os.path.dirname(os.path.abspath(options.output)), exist_ok=True)
    with open(options.output, "w") as file:
        json.dump(rows, file, indent=2)
    print(f"{len(rows)} rows: {os.path.relpath(options.output)}")
    disturbed = [r["work"] for r in rows if 2 * r["ours_clean"] < r["ours_samples"]]
    if disturbed:
        print(f"other programs took the processors during {len(disturbed)} of them: those say little, run them again")


if __name__ == "__main__":
    main()
