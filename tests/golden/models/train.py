"""Training steps of narrow classifiers by PyTorch; see steps.py. One file per network."""
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

from networks import channels, narrow
from steps import hashed, run


def classifier(name, width, classes):
    """A torchvision ResNet with a new fc."""
    net = narrow(getattr(torchvision.models, name)(), width)
    net.fc = nn.Linear(channels(net.layer4), classes)
    return net


x = hashed((3, 3, 64, 48), 1000, -2.0, 2.0)
for name, width, steps in (("resnet18", 0.125, 10), ("resnet50", 0.0625, 3)):
    run(name + "_narrow", classifier(name, width, 5), x, torch.tensor([2, 0, 4]), F.cross_entropy, 0.02, steps=steps)
