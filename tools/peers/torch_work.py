"""One piece of work in PyTorch, timed in a process of its own: tools/bench_peers.py calls it.

usage: torch_work.py WORK MODE THREADS REPETITIONS        prints one line of JSON
"""
import json
import os
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.fx.experimental.optimization import fuse

import torch_networks as networks


def resident_peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def seconds_waited():
    """Seconds that threads of this process stood ready without a processor."""
    total = 0
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/schedstat") as file:
                total += int(file.read().split()[1])
        except OSError:
            pass
    return 1e-9 * total


def fast_blas():
    """torch multiplies matrices with the BLAS that is loaded; Debian's default one is ten times slower."""
    with open("/proc/self/maps") as maps:
        loaded = maps.read()
    return torch.backends.mkl.is_available() or any(name in loaded for name in ("openblas", "libblis", "libmkl"))


class Setting:
    """Mode: words joined by '+'. nhwc: channels last. The others are ways to prepare a network for inference."""

    def __init__(self, mode):
        self.words = mode.split("+")
        self.format = torch.channels_last if "nhwc" in self.words else torch.contiguous_format

    def tensor(self, *shape):
        return torch.randn(*shape).contiguous(memory_format=self.format)

    def network(self, model, example):
        """The model, prepared for pictures like the example where the mode says so."""
        model = model.to(memory_format=self.format)
        if "folded" in self.words:
            model = fuse(model.eval()).to(memory_format=self.format)
        if "frozen" in self.words:
            model = torch.jit.freeze(torch.jit.trace(model.eval(), example, check_trace=False))
        if "optimized" in self.words:
            model = torch.jit.optimize_for_inference(torch.jit.trace(model.eval(), example, check_trace=False))
        return model


def forward(make, setting, shape):
    x = setting.tensor(*shape)
    model = setting.network(make().eval(), x)

    def run():
        with torch.inference_mode() if not isinstance(model, torch.jit.ScriptModule) else torch.no_grad():
            model(x)
    return run


def training(make, setting, shape, loss_of):
    x = setting.tensor(*shape)
    model = setting.network(make(), x).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=4e-5)

    def run():
        optimiser.zero_grad(set_to_none=True)
        loss_of(model(x)).backward()
        optimiser.step()
    return run


def pixel_loss(outputs, labels, pixel_weights, class_weights):
    total = 0
    for z, factor in zip(outputs, (1.0, 0.4)):
        z = F.interpolate(z, labels.shape[1:], mode="bilinear", align_corners=False)
        losses = F.cross_entropy(z, labels, weight=class_weights, reduction="none")
        total = total + factor * (losses * pixel_weights).sum() / (class_weights[labels] * pixel_weights).sum()
    return total


def classifier_training(make, setting, shape):
    labels = torch.randint(0, 1000, shape[:1])
    return training(make, setting, shape, lambda z: F.cross_entropy(z, labels))


def segmenter_training(make, setting, shape):
    plane = shape[:1] + shape[2:]
    labels, weights = torch.randint(0, 21, plane), torch.rand(plane) / 2 + 0.5
    of_class = torch.ones(21)
    of_class[0] = 0.5
    return training(make, setting, shape, lambda outputs: pixel_loss(outputs, labels, weights, of_class))


def smoothgrad(make, setting, shape, samples=50, batch=10):
    """The input gradient alone: parameters are frozen, as who explains should."""
    picture = setting.tensor(*shape)
    model = setting.network(make().eval(), picture)
    for p in model.parameters():
        p.requires_grad_(False)
    deviation = 0.1 * float(picture.max() - picture.min())

    def run():
        total = torch.zeros_like(picture)
        for _ in range(0, samples, batch):
            noisy = picture + deviation * torch.randn(batch, *shape[1:])
            noisy = noisy.contiguous(memory_format=setting.format).requires_grad_(True)
            model(noisy).softmax(1)[:, 0].sum().backward()
            total += noisy.grad.sum(0, keepdim=True)
        (total / samples).abs().sum(1)
    return run


def lime(samples):
    """InterpretDL's: pieces that are off show their mean colour; 49 boxes, batches of 8 (faster than 50 here)."""
    def prepare(make, setting, shape, batch=8):
        picture, side = setting.tensor(*shape), shape[-1]
        model = setting.network(make().eval(), setting.tensor(batch, *shape[1:]))
        place = torch.arange(side) * 7 // side
        pieces = 7 * place[:, None] + place
        mean = torch.stack([picture[0][:, pieces == k].mean(1) for k in range(49)], 1)[:, pieces]
        bits = torch.rand(samples, 49) < 0.5
        bits[0] = True
        distance = 1 - (bits.sum(1) / 49).sqrt()
        weight = (-(distance / 0.25) ** 2).exp().sqrt().sqrt()  # of a row: the root of its sample's weight

        def run():
            with torch.inference_mode() if not isinstance(model, torch.jit.ScriptModule) else torch.no_grad():
                scores = []
                for rows in bits.split(batch):
                    x = torch.where(rows[:, pieces][:, None], picture, mean)
                    scores.append(model(x.contiguous(memory_format=setting.format)).softmax(1)[:, 0])
                terms = torch.cat([bits.float(), torch.ones(samples, 1)], 1) * weight[:, None]
                torch.linalg.lstsq(terms, (torch.cat(scores) * weight)[:, None], driver="gelsd")
        return run
    return prepare


def hrnet(head):
    return lambda: networks.HrSegmenter(head)


def pictures(batch, side=224):
    return batch, 3, side, side


resnet50, mobilenet = torchvision.models.resnet50, torchvision.models.mobilenet_v2
# What is done, the network, and its input.
WORKS = {
    "resnet50 forward b1": (forward, resnet50, pictures(1)),
    "resnet50 forward b8": (forward, resnet50, pictures(8)),
    "resnet50 training b8": (classifier_training, resnet50, pictures(8)),
    "pspnet_resnet50 training b2": (segmenter_training, networks.PspNet, pictures(2)),
    "deeplabv3_resnet50 training b2": (segmenter_training, networks.DeepLabV3, pictures(2)),
    "hrnet_w18 training b2": (classifier_training, networks.HrClassifier, pictures(2)),
    "fcn_hrnet_w18 training b2": (segmenter_training, hrnet("fcn"), pictures(2)),
    "ocrnet_hrnet_w18 training b2": (segmenter_training, hrnet("ocr"), pictures(2)),
    "pspnet_resnet50 forward 480": (forward, networks.PspNet, pictures(1, 480)),
    "deeplabv3_resnet50 forward 480": (forward, networks.DeepLabV3, pictures(1, 480)),
    "fcn_hrnet_w18 forward 480": (forward, hrnet("fcn"), pictures(1, 480)),
    "ocrnet_hrnet_w18 forward 480": (forward, hrnet("ocr"), pictures(1, 480)),
    "smoothgrad 50 resnet50": (smoothgrad, resnet50, pictures(1)),
    "lime 200 resnet50": (lime(200), resnet50, pictures(1)),
    "mobilenet_v2 forward b8": (forward, mobilenet, pictures(8)),
    "smoothgrad 50 mobilenet_v2": (smoothgrad, mobilenet, pictures(1)),
    "lime 1000 mobilenet_v2": (lime(1000), mobilenet, pictures(1)),
}
# clearcut reads this one from a file in which every batch norm is part of a convolution.
FOLDED = [work for work in WORKS if "mobilenet_v2" in work]


def take_samples(run, warm_up, repetitions):
    """Seconds of clean samples, of all where there are none; threads of a clean one waited 2 % of it at most."""
    for _ in range(warm_up):
        run()
    clean, every = [], []
    while len(clean) < repetitions and len(every) < 3 * repetitions:
        waited, start = seconds_waited(), time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        every.append(seconds)
        if seconds_waited() - waited <= 0.02 * seconds:
            clean.append(seconds)
    return clean or every, len(clean), len(every)


def main():
    work, mode, threads, repetitions = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    own = resident_peak()
    do, network, shape = WORKS[work]
    run = do(network, Setting(mode), shape)
    compiles = "optimized" in mode or "frozen" in mode
    seconds, clean, samples = take_samples(run, 3 if compiles else 1, repetitions)
    peak = resident_peak() - own
    counted, count_parameters = network(), networks.folded_parameters if work in FOLDED else networks.parameters
    print(json.dumps({
        "median": statistics.median(seconds), "min": min(seconds), "clean": clean, "samples": samples,
        "peak_bytes": peak, "parameters": count_parameters(counted), "fast_blas": fast_blas(),
        "multiply_adds": networks.multiply_adds(counted, torch.randn(shape), "training" in work),
        "version": torch.__version__}))


if __name__ == "__main__":
    main()
