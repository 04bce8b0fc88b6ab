"""Runs every script of this folder in a copy and compares what it writes with what is kept here.

Needs Debian 12's python3 with numpy, torch, torchvision, PIL, cv2 and skimage. Numbers may differ in the last bits between
versions of the libraries: 1e-6 of the largest value of an array is allowed.
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = {"golden.py", "check.py", "random_stream.py", "models/steps.py", "models/networks.py", "models/classifiers.py"}  # no scripts
TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1"}


def arrays_of(path):
    if path.endswith(".npz"):
        return dict(np.load(path))
    with open(path, "rb") as f:
        data = f.read()
    if not path.endswith(".safetensors"):
        return {"bytes": np.frombuffer(data, "u1")}
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    body = data[8 + size :]
    return {
        name: np.frombuffer(body[e["data_offsets"][0] : e["data_offsets"][1]], TYPES[e["dtype"]]).reshape(e["shape"])
        for name, e in header.items()
    }


def differences(kept, made):
    a, b = arrays_of(kept), arrays_of(made)
    if set(a) != set(b):
        return "other names: " + ", ".join(sorted(set(a) ^ set(b)))
    for name in a:
        if a[name].shape != b[name].shape:
            return f"{name}: shape {a[name].shape} became {b[name].shape}"
        x, y = np.nan_to_num(a[name].astype("f8")), np.nan_to_num(b[name].astype("f8"))
        if x.size and np.abs(x - y).max() > 1e-6 * max(1, np.abs(x).max()):
            return f"{name}: differs by {np.abs(x - y).max()}"
    return ""


bad = 0
with tempfile.TemporaryDirectory() as folder:
    copy = os.path.join(folder, "golden")
    shutil.copytree(HERE, copy)
    for root, _, files in sorted(os.walk(copy)):
        for name in sorted(files):
            if name.endswith(".py") and os.path.relpath(os.path.join(root, name), copy) not in MODULES:
                subprocess.run([sys.executable, name], cwd=root, check=True, stdout=subprocess.DEVNULL)
    for root, _, files in sorted(os.walk(HERE)):
        for name in sorted(files):
            kept = os.path.join(root, name)
            if name.endswith((".npz", ".safetensors", ".txt", ".pth", ".pdparams", ".onnx", ".tfevents")):
                problem = differences(kept, os.path.join(copy, os.path.relpath(kept, HERE)))
                if problem:
                    bad += 1
                    print(os.path.relpath(kept, HERE), problem)
sys.exit(1 if bad else 0)
