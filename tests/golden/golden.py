"""Writes golden numbers of operators: inputs, output, and gradients, in float64, by PyTorch.

Used by the scripts in ops/: save("softmax", {"dim1": (lambda x: x.softmax(1), [x])}).
"""
import json
import os
import struct

import numpy
import torch


def write_safetensors(path, arrays, metadata):
    names = {numpy.dtype("float64"): "F64", numpy.dtype("float32"): "F32",
             numpy.dtype("int64"): "I64", numpy.dtype("int32"): "I32", numpy.dtype("uint8"): "U8"}
    header, at = {"__metadata__": metadata}, 0
    for name, a in arrays.items():
        header[name] = {"dtype": names[a.dtype], "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for a in arrays.values():
            f.write(numpy.ascontiguousarray(a).tobytes())


def read_safetensors(path):
    types = {"F64": "<f8", "F32": "<f4", "I32": "<i4"}
    with open(path, "rb") as f:
        data = f.read()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:end])
    header.pop("__metadata__", None)
    return {name: numpy.frombuffer(data[end:][slice(*e["data_offsets"])], types[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items()}


def save(family, cases, seed=1):
    """cases: name -> (function of torch tensors, list of float64 input tensors)."""
    torch.manual_seed(seed)
    arrays = {}
    for name, (function, inputs) in cases.items():
        xs = [x.clone().double().requires_grad_(True) for x in inputs]
        y = function(*xs)
        dy = torch.randn_like(y)
        y.backward(dy)
        arrays[name + ".y"], arrays[name + ".dy"] = y.detach().numpy(), dy.numpy()
        for k, x in enumerate(xs):
            arrays[f"{name}.x{k}"], arrays[f"{name}.dx{k}"] = x.detach().numpy(), x.grad.numpy()
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops")
    write_safetensors(os.path.join(folder, family + ".safetensors"), arrays,
                      {"torch": torch.__version__, "seed": str(seed), "script": f"ops/{family}.py"})
