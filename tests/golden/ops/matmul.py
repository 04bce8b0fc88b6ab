import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
from golden import save

torch.manual_seed(0)
r = torch.randn
save("matmul", {
    "nn": (lambda a, b: a @ b, [r(5, 7), r(7, 3)]),
    "tt": (lambda a, b: a.T @ b.T, [r(7, 5), r(3, 7)]),
    "batch": (lambda a, b: a @ b, [r(2, 4, 6), r(2, 6, 5)]),
    "batch_nt": (lambda a, b: a @ b.transpose(1, 2), [r(2, 4, 6), r(2, 5, 6)]),
    "shared_b": (lambda a, b: a @ b, [r(3, 4, 6), r(6, 5)]),
    "shared_a_tn": (lambda a, b: a.T @ b, [r(6, 4), r(3, 6, 5)]),
    "linear": (torch.nn.functional.linear, [r(4, 6), r(5, 6), r(5)]),
    "linear_rank3": (torch.nn.functional.linear, [r(2, 3, 6), r(5, 6)]),
})
