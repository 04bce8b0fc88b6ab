"""Training steps of narrow ResNets by PyTorch; see steps.py. One file per network."""
import torch
import torch.nn.functional as F

from classifiers import resnet
from steps import hashed, run

x = hashed((3, 3, 64, 48), 1000, -2.0, 2.0)
for depth, width, steps in ((18, 0.125, 10), (50, 0.0625, 3)):
    run(f"resnet{depth}_narrow", resnet(depth, 5, width), x, torch.tensor([2, 0, 4]), F.cross_entropy, 0.02, steps=steps)
