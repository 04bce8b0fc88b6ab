"""Numbers of single ONNX operators, by programs that are no ONNX readers: nodes.safetensors, CASE.x and CASE.y.

lrn: torch's local_response_norm; lrn_even: the formula of the operator's definition, for torch takes the other of the
two middle channels. cubic: Pillow's bicubic enlarging, which knows no pixels outside and has the parameter -0.5.
asymmetric: numpy.interp along columns and rows at index / scale.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy
import PIL
import torch
import torch.nn.functional as F
from PIL import Image

from golden import write_safetensors

rng = numpy.random.default_rng(5)
arrays = {}


def keep(case, x, y):
    arrays[case + ".x"], arrays[case + ".y"] = x.astype("f4"), numpy.ascontiguousarray(y, dtype="f4")


x = rng.standard_normal((2, 7, 2, 3)).astype("f4")
keep("lrn", x, F.local_response_norm(torch.from_numpy(x).double(), 5, 0.9, 0.6, 1.5).numpy())
squares = (x.astype("f8") ** 2)
sums = numpy.stack([squares[:, max(0, c - 1) : c + 3].sum(1) for c in range(7)], 1)  # floor(3 / 2) before, ceil after
keep("lrn_even", x, x / (1.5 + 0.9 / 4 * sums) ** 0.6)

x = rng.standard_normal((1, 1, 4, 5)).astype("f4")
keep("cubic", x, numpy.asarray(Image.fromarray(x[0, 0], "F").resize((13, 8), Image.BICUBIC))[None, None])


def linear(x, scale, axis):
    at = numpy.arange(int(x.shape[axis] * scale)) / scale
    return numpy.apply_along_axis(lambda row: numpy.interp(at, numpy.arange(len(row)), row), axis, x)


x = rng.standard_normal((2, 2, 3, 4)).astype("f4")
keep("asymmetric", x, linear(linear(x.astype("f8"), 2.5, 2), 1.75, 3))
write_safetensors(os.path.join(os.path.dirname(os.path.abspath(__file__)), "nodes.safetensors"), arrays,
                  {"torch": torch.__version__, "pillow": PIL.__version__, "numpy": numpy.__version__, "script": "nodes.py"})
