import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
from golden import save

torch.manual_seed(0)
x = torch.randn(3, 4, 5, 2)
logits = 5 * torch.randn(3, 7)
columns = [[2], [0, 6, 3], [5, 1]]
save("reduce", {
    "sum_all": (lambda x: x.sum(), [x]),
    "sum_channels": (lambda x: x.sum((0, 2, 3)), [x]),
    "sum_keep": (lambda x: x.sum((1, -1), keepdim=True), [x]),
    "mean_all": (lambda x: x.mean(), [x]),
    "mean_maps": (lambda x: x.mean((2, 3)), [x]),
    "max_1": (lambda x: x.max(1)[0], [x]),
    "max_last_keep": (lambda x: x.max(-1, keepdim=True)[0], [x]),
    "log_sum_exp_1": (lambda x: torch.logsumexp(x, 1), [30 * x]),
    "log_sum_exp_last_keep": (lambda x: torch.logsumexp(x, -1, keepdim=True), [x]),
    "log_sum_exp_columns": (lambda x: torch.stack([torch.logsumexp(x[n, c], 0) for n, c in enumerate(columns)]),
                            [logits]),
})
