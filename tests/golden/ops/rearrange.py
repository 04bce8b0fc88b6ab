import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
import torch.nn.functional as F
from golden import save

torch.manual_seed(0)
x = torch.randn(2, 3, 4, 5)
save("rearrange", {
    "reshape": (lambda x: x.reshape(6, -1), [x]),
    "flatten": (lambda x: x.flatten(1), [x]),
    "permute": (lambda x: x.permute(0, 2, 3, 1), [x]),
    "transpose": (lambda x: x.transpose(1, -1), [x]),
    "slice_0": (lambda x: x[1:2], [x]),
    "slice_1": (lambda x: x[:, 1:3], [x]),
    "slice_last": (lambda x: x[..., -4:-1], [x]),
    "concat_0": (lambda a, b: torch.cat([a, b], 0), [x, torch.randn(1, 3, 4, 5)]),
    "concat_1": (lambda a, b, c: torch.cat([a, b, c], 1), [x, torch.randn(2, 1, 4, 5), torch.randn(2, 2, 4, 5)]),
    "concat_last": (lambda a, b: torch.cat([a, b], -1), [x, torch.randn(2, 3, 4, 1)]),
    "pad2d": (lambda x: F.pad(x, (2, 3, 1, 0), value=0.7), [x]),
})
