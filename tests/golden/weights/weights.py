"""Writes small files of weights as PyTorch and Paddle write them, and their numbers in values.npz.

PyTorch 1.13 wrote the .pth files itself. Paddle is no Debian package: the .pdparams files are what paddle.save of
Paddle 2.x hands to Python's pickle (python/paddle/framework/io.py and io_utils.py): a dictionary of NumPy arrays with
the table "StructuredToParameterName@@"; parameters outside a state_dict as the tuple (name, array); arrays beyond
4 GiB cut into pieces. The files named evil_* would run a command if a reader obeyed them.
"""
import os
import pickle
from collections import OrderedDict

import numpy
import torch

torch.manual_seed(3)
values = {}


def keep(file, tensors):
    for name, t in tensors.items():
        widened = t.float() if t.dtype in (torch.float16, torch.bfloat16) else t
        if widened.dtype in (torch.int8, torch.int16):
            widened = widened.int()
        values[f"{file}:{name}"] = numpy.array(widened.detach().numpy(), order="C")


# ---- PyTorch: every element type, views, shared storage, a parameter; inside a checkpoint of DataParallel
base = torch.randn(4, 6)
tensors = OrderedDict(
    [
        ("float32", torch.randn(2, 3)),
        ("float64", torch.randn(3).double()),
        ("float16", torch.randn(2, 2).half()),
        ("bfloat16", torch.randn(5).bfloat16()),
        ("int64", torch.tensor(-(2 ** 40))),
        ("int32", torch.tensor([-7, 2 ** 31 - 1], dtype=torch.int32)),
        ("int16", torch.tensor([-300, 300], dtype=torch.int16)),
        ("int8", torch.tensor([-128, 127], dtype=torch.int8)),
        ("uint8", torch.tensor([0, 255], dtype=torch.uint8)),
        ("bool", torch.tensor([True, False, True])),
        ("transposed", base.t()),
        ("rows", base[1:3]),
        ("columns", base[:, 1:6:2]),
        ("whole", base),
        ("empty", torch.zeros(0, 3)),
        ("parameter", torch.nn.Parameter(torch.randn(2, 2, 1))),
    ]
)
keep("checkpoint.pth", tensors)
torch.save(
    {
        "epoch": 3,
        "state_dict": OrderedDict(("module." + name, t) for name, t in tensors.items()),
        "optimizer": {"lr": 0.1, "momentum_buffer": torch.randn(2)},
        "best": None,
    },
    "checkpoint.pth",
)

net = torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(3, 4, 3), bn=torch.nn.BatchNorm2d(4)))
net(torch.randn(2, 3, 5, 5))
torch.save(net.state_dict(), "state.pth")  # an OrderedDict that carries _metadata
keep("state.pth", net.state_dict())
torch.save(net.state_dict(), "old.pth", _use_new_zipfile_serialization=False)
os.truncate("old.pth", 64)  # how it starts is enough; further on it names addresses, which change
torch.save(net, "module.pth")  # the module itself: needs its classes


# ---- Paddle
def dump(path, value, protocol):
    with open(path, "wb") as f:
        pickle.dump(value, f, protocol=protocol)


class Parameter:
    """Pickles as paddle.save makes it: tuple((name, array))."""

    def __init__(self, name, array):
        self.pair = (name, array)

    def __reduce__(self):
        return tuple, (self.pair,)


random = numpy.random.RandomState(4)
arrays = {
    "conv._conv.weight": random.randn(2, 3, 1, 1).astype("float32"),
    "conv._batch_norm._mean": random.randn(2).astype("float32"),
    "step": numpy.array(7, "int64"),
    "double": random.randn(3),
    "mask": numpy.array([True, False]),
    "half": random.randn(4).astype("float16"),
    "bytes": numpy.arange(120, 140, dtype="uint8"),
}
bfloat = torch.randn(6).bfloat16()
for protocol in (2, 4):
    file = f"paddle{protocol}.pdparams"
    stored = dict(arrays, bfloat16=bfloat.view(torch.int16).numpy().view("uint16"))
    stored["StructuredToParameterName@@"] = {name: f"param_{i}" for i, name in enumerate(arrays)}
    dump(file, stored, protocol)
    for name, array in arrays.items():
        values[f"{file}:{name}"] = array.astype("float32") if array.dtype == "float16" else array
    values[f"{file}:bfloat16"] = bfloat.float().numpy()

pairs = {name: Parameter("linear_0.w_0", a) for name, a in list(arrays.items())[:2]}
pieces = {"large@@.0": numpy.arange(4, dtype="float32"), "large@@.1": numpy.arange(4, 6, dtype="float32")}
table = {"large": {"OriginShape": (2, 3), "slices": ["large@@.0", "large@@.1"]}}
dump("pairs.pdparams", {**pairs, **pieces, "UnpackBigParamInfor@@": table}, 2)
for name in pairs:
    values[f"pairs.pdparams:{name}"] = arrays[name]
values["pairs.pdparams:large"] = numpy.arange(6, dtype="float32").reshape(2, 3)


# ---- what must be refused
class Evil:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


torch.save({"weight": torch.zeros(1), "evil": Evil()}, "evil.pth")
dump("evil.pdparams", {"weight": numpy.zeros(1, "float32"), "evil": Evil()}, 4)
dump("objects.pdparams", {"weight": numpy.array([{}, None], dtype=object)}, 4)

numpy.savez("values.npz", **values)
