import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
import torch.nn.functional as F
from golden import save

torch.manual_seed(0)
x = 3 * torch.randn(5, 13)
positive = x.abs() + 0.1
# hard_*: by the formula; torch.nn.functional divides by a float32 6 even in float64.
save("pointwise", {
    "relu": (torch.relu, [x]),
    "sigmoid": (torch.sigmoid, [x]),
    "tanh": (torch.tanh, [x]),
    "exp": (torch.exp, [x]),
    "log": (torch.log, [positive]),
    "sqrt": (torch.sqrt, [positive]),
    "square": (torch.square, [x]),
    "abs": (torch.abs, [x]),
    "neg": (torch.neg, [x]),
    "softplus": (lambda x: F.softplus(x, threshold=1e9), [x]),
    "silu": (F.silu, [x]),
    "hard_sigmoid": (lambda x: F.relu6(x + 3) / 6, [x]),
    "hard_swish": (lambda x: x * F.relu6(x + 3) / 6, [x]),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), [x]),
    "add": (lambda x: x + 0.2, [x]),
    "mul": (lambda x: x * 0.2, [x]),
    "div": (lambda x: x / 0.2, [x]),
    "subtract_from": (lambda x: 0.2 - x, [x]),
    "divide_into": (lambda x: 0.2 / x, [positive]),
    "clamp": (lambda x: torch.clamp(x, -1.5, 1), [x]),
    "relu6": (F.relu6, [4 * x]),
    "erf": (torch.erf, [x / 3]),
})
