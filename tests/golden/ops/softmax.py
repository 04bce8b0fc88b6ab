import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
from golden import save

torch.manual_seed(0)
x = 4 * torch.randn(3, 7, 5)
save("softmax", {
    "softmax_dim1": (lambda x: x.softmax(1), [x]),
    "softmax_last": (lambda x: x.softmax(-1), [x]),
    "log_softmax_dim1": (lambda x: x.log_softmax(1), [x]),
    "log_softmax_last": (lambda x: x.log_softmax(-1), [x]),
})
