"""What the convolutions and linear layers of narrow networks put out, by PyTorch: layers/NAME.npz.

One picture in evaluation, weights as in steps.py, float64 rounded to float32. A layer is called by the number
of its weight in the state, which both programs have in one order; names differ in HRNet and MobileNet v1. The layers of
squeezenet1_1 stand under their names too, beside its weights as torch.save writes them: layers/squeezenet1_1_names.npz
is what the script in docs/models_to_bring.md makes.
"""
import os

import numpy
import torch
import torch.nn as nn

import networks
from classifiers import dilated, mobilenet_v1, mobilenet_v2, resnet, resnet_vd, squeezenet
from steps import hashed, here, main_output, ready

folder = os.path.join(here, "layers")


def layers_of(net, called, side=32):
    """{called(name of the module): its output}, the input and the main output."""
    x = hashed((1, 3, side, side), 1000, -2.0, 2.0).float()
    arrays = {"input": x.numpy()}
    hooks = []
    for name, m in net.named_modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            def keep(m, inputs, y, key=called(name)):
                arrays[key] = y.detach().float().numpy().copy()
            hooks.append(m.register_forward_hook(keep))
    with torch.no_grad():
        arrays["output"] = main_output(net(x.double())).float().numpy()
    for hook in hooks:
        hook.remove()
    return arrays


def dump(name, net, side=32):
    net = ready(net).eval()
    number = {key: str(k) for k, key in enumerate(net.state_dict())}
    arrays = layers_of(net, lambda path: number[path + ".weight"], side)
    numpy.savez_compressed(os.path.join(folder, name + ".npz"), **arrays)
    print(name, len(arrays), "arrays")
    return net


os.makedirs(folder, exist_ok=True)
dump("resnet18", resnet(18, 5, 0.125))
dump("resnet50", resnet(50, 5, 0.0625))
dump("resnet50_vd", resnet_vd(5, 0.0625))
dump("resnet50_vd_dilated", dilated(resnet_vd(5, 0.0625), (1, 2, 4)))
dump("hrnet_w18", networks.HrClassifier(5, 0.25), 16)
dump("mobilenet_v1", mobilenet_v1(5, 0.125))
dump("mobilenet_v2", mobilenet_v2(5, 0.25))
dump("squeezenet1_0", squeezenet("1_0", 5, 0.125))
net = dump("squeezenet1_1", squeezenet("1_1", 5, 0.125))
numpy.savez_compressed(os.path.join(folder, "squeezenet1_1_names.npz"), **layers_of(net, lambda path: path))
torch.save(net.float().state_dict(), os.path.join(folder, "squeezenet1_1.pth"))
for depth in (18, 50):
    for family, make in (("pspnet", networks.PspNet), ("deeplabv3", networks.DeepLabV3), ("fcn", networks.Fcn)):
        dump(f"{family}_resnet{depth}", make(depth, 5, 0.0625))
dump("ocrnet_hrnet_w18", networks.HrSegmenter("ocr", 5, 0.25), 16)
dump("fcn_hrnet_w18", networks.HrSegmenter("fcn", 5, 0.25), 16)
