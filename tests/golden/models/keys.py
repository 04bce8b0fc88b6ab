"""Lists the state of networks: one file per network, "name shape" per line.

Torchvision's networks are asked. HRNet's names are a rule of its authors' classification code (cls_hrnet.py; timm's
hrnet_w18 has the same), spelt out here, and ResNet-50-vd's that of timm's resnet50d, on torchvision's ResNet-50.
"""
import os

import torchvision

here = os.path.dirname(os.path.abspath(__file__))


def write(name, source, lines):
    with open(os.path.join(here, name + "_keys.txt"), "w") as f:
        f.write(f"# {source}, written by keys.py\n")
        for key, shape in lines:
            f.write(f"{key} [{', '.join(map(str, shape))}]\n")


def bn(at, c):
    yield from ((f"{at}.{leaf}", [c]) for leaf in ("weight", "bias", "running_mean", "running_var"))
    yield f"{at}.num_batches_tracked", []


def conv_bn(at, first, second, i, o, k):
    """Convolution `first` and batch norm `second` in `at`."""
    yield f"{at}{first}.weight", [o, i, k, k]
    yield from bn(f"{at}{second}", o)


def bottleneck(at, i, c):
    yield from conv_bn(at, ".conv1", ".bn1", i, c, 1)
    yield from conv_bn(at, ".conv2", ".bn2", c, c, 3)
    yield from conv_bn(at, ".conv3", ".bn3", c, 4 * c, 1)
    if i != 4 * c:
        yield from conv_bn(at + ".downsample", ".0", ".1", i, 4 * c, 1)


def hr_module(at, widths):
    for b, c in enumerate(widths):
        for block in range(4):
            for n in "12":
                yield from conv_bn(f"{at}.branches.{b}.{block}", ".conv" + n, ".bn" + n, c, c, 3)
    for i, to in enumerate(widths):
        for j, c in enumerate(widths):
            path = f"{at}.fuse_layers.{i}.{j}"
            if j > i:
                yield from conv_bn(path, ".0", ".1", c, to, 1)
            for k in range(i - j):
                yield from conv_bn(f"{path}.{k}", ".0", ".1", c, to if k == i - j - 1 else c, 3)


def hrnet_w18():
    c = [18, 36, 72, 144]
    yield from conv_bn("", "conv1", "bn1", 3, 64, 3)
    yield from conv_bn("", "conv2", "bn2", 64, 64, 3)
    for block in range(4):
        yield from bottleneck(f"layer1.{block}", 64 if block == 0 else 256, 64)
    yield from conv_bn("transition1.0", ".0", ".1", 256, c[0], 3)
    yield from conv_bn("transition1.1.0", ".0", ".1", 256, c[1], 3)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        if stage > 2:
            t = f"transition{stage - 1}.{stage - 1}.0"
            yield from conv_bn(t, ".0", ".1", c[stage - 2], c[stage - 1], 3)
        for m in range(modules):
            yield from hr_module(f"stage{stage}.{m}", c[:stage])
    for b in range(4):
        yield from bottleneck(f"incre_modules.{b}.0", c[b], 32 << b)
    for b in range(3):
        yield from conv_bn(f"downsamp_modules.{b}", ".0", ".1", 128 << b, 256 << b, 3)
    yield from conv_bn("final_layer", ".0", ".1", 1024, 2048, 1)
    yield from (("classifier.weight", [1000, 2048]), ("classifier.bias", [1000]))


def resnet50_vd():
    stem = [*conv_bn("", "conv1.0", "conv1.1", 3, 32, 3), *conv_bn("", "conv1.3", "conv1.4", 32, 32, 3),
            ("conv1.6.weight", [64, 32, 3, 3])]
    for key, value in torchvision.models.resnet50().state_dict().items():
        if key == "conv1.weight":
            yield from stem
        else:
            key = key.replace("downsample.1", "downsample.2").replace("downsample.0", "downsample.1")
            yield key, value.shape


for name in ("resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2", "squeezenet1_0", "squeezenet1_1"):
    state = getattr(torchvision.models, name)().state_dict()
    write(name, f"torchvision {torchvision.__version__}, {name}().state_dict()",
          [(key, value.shape) for key, value in state.items()])
fcn = torchvision.models.segmentation.fcn_resnet50(weights=None, weights_backbone=None, aux_loss=True).state_dict()
write("fcn_resnet50", f"torchvision {torchvision.__version__}, fcn_resnet50(aux_loss=True).state_dict()",
      [(key, value.shape) for key, value in fcn.items()])
write("hrnet_w18", "the authors' HRNet-W18-C, without the biases of downsamp_modules and final_layer", hrnet_w18())
write("resnet50_vd", "timm's resnet50d", resnet50_vd())
