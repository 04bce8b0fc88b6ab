"""Training steps of networks by PyTorch, in float64, from weights that are not stored.

Parameter k of the state gets hashed values, which tests/models/training_golden.cpp computes alike. One fixed batch,
SGD (momentum 0.9, weight decay 1e-4), dropout off. A network returns its logits, or a tuple, the main ones first.
"""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy
import torch
import torch.nn.functional as F
import torchvision
from golden import write_safetensors

here = os.path.dirname(os.path.abspath(__file__))


def hashed(shape, k, low, high):
    """Value i of tensor k: murmur3's finaliser of i + 40503 (k + 1) 65537, a fraction of 2^32, in [low, high)."""
    n = int(numpy.prod(shape, dtype=numpy.int64))
    mask = numpy.uint64(0xFFFFFFFF)
    h = (numpy.arange(n, dtype=numpy.uint64) + numpy.uint64(40503 * (k + 1) * 65537)) & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h = ((h ^ (h >> numpy.uint64(shift))) * numpy.uint64(factor)) & mask
    values = low + (high - low) * (h.astype(numpy.float64) / 2.0**32)
    return torch.from_numpy(values.reshape(shape))


def is_buffer(name):
    return name.endswith(("running_mean", "running_var", "num_batches_tracked"))


def set_state(model):
    for k, (name, p) in enumerate(model.state_dict().items()):
        if is_buffer(name):
            continue
        if p.dim() >= 2:
            bound = (6.0 / p[0].numel()) ** 0.5
            p.copy_(hashed(p.shape, k, -bound, bound))
        else:
            is_norm = name.endswith("weight")
            p.copy_(hashed(p.shape, k, 0.5 if is_norm else -0.25, 1.5 if is_norm else 0.25))


def drawn_labels(shape):
    """Runs of 7 pixels in classes 0 to 4 and 255, which does not count."""
    p = torch.arange(int(numpy.prod(shape)))
    labels = ((p // 7 + p // 480) % 6).reshape(shape)
    labels[labels == 5] = 255
    return labels


def segmentation_loss(outputs, y):
    """Class 4 counts a tenth, output 1 counts 0.4."""
    weights = torch.ones(outputs[0].shape[1], dtype=torch.float64)
    weights[4] = 0.1
    mask = (y != 255).double()
    known = torch.where(y == 255, torch.zeros_like(y), y)
    total = 0
    for z, coefficient in zip(outputs, (1.0, 0.4)):
        z = F.interpolate(z, y.shape[1:], mode="bilinear", align_corners=False)
        losses = -F.log_softmax(z, 1).gather(1, known.unsqueeze(1)).squeeze(1)
        q = mask * weights[known]
        total = total + coefficient * (q * losses).mean() / (q.mean() + 1e-8)
    return total


def main_output(out):
    return out[0] if isinstance(out, tuple) else out


def write(name, script, arrays):
    write_safetensors(os.path.join(here, name + ".safetensors"), arrays,
                      {"torch": torch.__version__, "torchvision": torchvision.__version__, "script": script})


def ready(model):
    model = model.double()
    with torch.no_grad():
        set_state(model)
    for m in model.modules():
        if "Dropout" in type(m).__name__:
            m.p = 0.0
    return model


def norms(tensors):
    return numpy.array([t.double().norm().item() for t in tensors])


def run(name, model, x, y, loss_of, rate, script="train.py", steps=10):
    """Kept: logits, losses, gradient norms and first values of step 0, the state's norms after the last step. Where
    batch norms divide by tiny deviations, rounding grows a thousandfold per step: there fewer steps mean something."""
    model = ready(model).eval()
    arrays = {}
    with torch.no_grad():
        arrays["evaluation"] = main_output(model(x)).numpy()
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), rate, momentum=0.9, weight_decay=1e-4)
    losses = []
    for step in range(steps):
        optimiser.zero_grad()
        out = model(x)
        loss = loss_of(out, y)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            arrays["logits"] = main_output(out).detach().numpy()
            grads = [p.grad for p in model.parameters()]
            arrays["gradient_norms"] = norms(grads)
            arrays["gradient_first"] = numpy.array([g.flatten()[0].item() for g in grads])
        optimiser.step()
    arrays["losses"] = numpy.array(losses)
    arrays["state_norms"] = norms(model.state_dict().values())
    write(name, script, arrays)
    print(name, losses[0], losses[-1], main_output(out).shape)


def run_full(name, model, x, y, loss_of, script):
    """One step at full width. Kept: logits, the loss, norms of the running statistics, and of each gradient the norm
    and its products with three hashed directions, tensors 2000 to 2002."""
    model = ready(model).train()
    out = model(x)
    loss = loss_of(out, y)
    loss.backward()
    grads = [p.grad.flatten() for p in model.parameters()]
    directions = [[(g @ hashed(g.shape, 2000 + j, -1.0, 1.0)).item() for j in range(3)] for g in grads]
    running = [t for name, t in model.state_dict().items() if is_buffer(name)]
    write(name, script, {"logits": main_output(out).detach().numpy(), "losses": numpy.array([loss.item()]),
                         "gradient_norms": norms(grads), "gradient_products": numpy.array(directions),
                         "running_norms": norms(running)})
    print(name, loss.item(), main_output(out).shape, len(grads), "gradients")
