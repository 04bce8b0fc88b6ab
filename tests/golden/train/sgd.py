"""Ten steps of torch.optim.SGD in float64 with given gradients, two rate groups and a poly schedule."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
from golden import write_safetensors

STEPS, RATE, END, POWER = 10, 0.1, 0.01, 0.9
arrays = {}
for name, nesterov in (("plain", False), ("nesterov", True)):
    torch.manual_seed(3)
    w = {"backbone.w": torch.randn(3, 4).double().requires_grad_(), "head.w": torch.randn(5).double().requires_grad_()}
    grads = {k: torch.randn(STEPS, *v.shape).double() for k, v in w.items()}
    for k, v in w.items():
        arrays[f"{name}.start.{k}"] = v.detach().clone().numpy()
        arrays[f"{name}.grads.{k}"] = grads[k].numpy()
    sgd = torch.optim.SGD([{"params": [w["backbone.w"]], "lr": 0.1 * RATE}, {"params": [w["head.w"]], "lr": RATE}],
                          lr=RATE, momentum=0.9, weight_decay=4e-3, nesterov=nesterov)
    for t in range(STEPS):
        rate = (RATE - END) * (1 - t / STEPS) ** POWER + END
        sgd.param_groups[0]["lr"], sgd.param_groups[1]["lr"] = 0.1 * rate, rate
        for k, v in w.items():
            v.grad = grads[k][t].clone()
        sgd.step()
    for k, v in w.items():
        arrays[f"{name}.end.{k}"] = v.detach().numpy()
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sgd.safetensors")
write_safetensors(path, arrays, {"torch": torch.__version__, "seed": "3", "script": "train/sgd.py"})
