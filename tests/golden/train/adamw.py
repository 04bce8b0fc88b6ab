"""Ten steps of torch.optim.AdamW in float64: two rate groups, no decay of the head, clipped gradients, a poly schedule."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
from golden import write_safetensors

STEPS, RATE, END, POWER, DECAY, CLIP = 10, 0.1, 0.01, 0.9, 0.05, 3.0
torch.manual_seed(4)
w = {"backbone.w": torch.randn(3, 4).double().requires_grad_(), "head.w": torch.randn(5).double().requires_grad_()}
grads = {k: torch.randn(STEPS, *v.shape).double() for k, v in w.items()}
arrays = {}
for k, v in w.items():
    arrays[f"start.{k}"] = v.detach().clone().numpy()
    arrays[f"grads.{k}"] = grads[k].numpy()
adamw = torch.optim.AdamW([{"params": [w["backbone.w"]], "weight_decay": DECAY}, {"params": [w["head.w"]], "weight_decay": 0}],
                          lr=RATE, betas=(0.8, 0.95), eps=1e-6)
norms = []
for t in range(STEPS):
    rate = (RATE - END) * (1 - t / STEPS) ** POWER + END
    adamw.param_groups[0]["lr"], adamw.param_groups[1]["lr"] = 0.1 * rate, rate
    for k, v in w.items():
        v.grad = grads[k][t].clone()
    norms.append(float(torch.nn.utils.clip_grad_norm_(list(w.values()), CLIP)))
    adamw.step()
arrays["norms"] = torch.tensor(norms, dtype=torch.float64).numpy()
for k, v in w.items():
    arrays[f"end.{k}"] = v.detach().numpy()
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "adamw.safetensors")
write_safetensors(path, arrays, {"torch": torch.__version__, "seed": "4", "script": "train/adamw.py"})
