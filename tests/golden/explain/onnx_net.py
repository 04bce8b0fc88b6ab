"""A small classifier as an ONNX file, with what real ones are made of, for the goldens of explainers.

conv 3x3 - batch norm - ReLU - max pool - depthwise conv - batch norm - ReLU6 - conv 1x1 - batch norm, added to the
pooled maps - ReLU (the features) - global mean - linear. Scripts that write goldens import `net` and `pictures`.
"""
import json
import os

import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = [1, 3]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(2)
        self.depthwise, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8)
        self.pointwise, self.bn3 = nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.relu1, self.relu6, self.relu2 = nn.ReLU(), nn.ReLU6(), nn.ReLU()
        self.fc = nn.Linear(8, 5)

    def tail(self, first):
        y = self.pool(first)
        return self.relu2(self.bn3(self.pointwise(self.relu6(self.bn2(self.depthwise(y))))) + y)

    def features(self, x):
        return self.tail(self.relu1(self.bn1(self.conv1(x))))

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))


def net():
    """In float64 and evaluation mode, with running values and factors that are not those of a fresh network."""
    torch.manual_seed(19)
    model = Net()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.double().eval()


def pictures():
    """Exact in float32."""
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(23)).double()


def write():
    model = net().float()
    path = os.path.join(HERE, "onnx_net.onnx")
    torch.onnx.export(model, torch.zeros(1, 3, 16, 16), path, input_names=["x"], output_names=["logits"], opset_version=13,
                      dynamic_axes={"x": {0: "N"}, "logits": {0: "N"}}, training=torch.onnx.TrainingMode.PRESERVE,
                      do_constant_folding=False)


if __name__ == "__main__":
    write()
