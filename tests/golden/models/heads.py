"""Training steps of segmentation networks by PyTorch; see steps.py. One file per network.

Narrow ones: ten steps or three in float64. At full width: one step, of which sums are kept. Heads of HRNet also stand alone,
on a fixed map.
"""
import torch.nn as nn

import networks
from steps import drawn_labels, hashed, run, run_full, segmentation_loss

NARROW = 0.0625


def pictures(shape):
    return hashed(shape, 1000, -2.0, 2.0)


x, labels = pictures((2, 3, 48, 40)), drawn_labels((2, 48, 40))
for name, make in (("pspnet", networks.PspNet), ("deeplabv3", networks.DeepLabV3), ("fcn", networks.Fcn)):
    for depth, steps in ((18, 10), (50, 3)):
        run(f"{name}_resnet{depth}_narrow", make(depth, 5, NARROW), x, labels, segmentation_loss, 0.01, "heads.py", steps)
maps = pictures((2, 20, 12, 10))
run("ocr_head", networks.OcrHead(20, 5, 32, 16), maps, labels, segmentation_loss, 0.01, "heads.py")
run("pointwise_head", networks.PointwiseHead(20, 5), maps, labels, segmentation_loss, 0.01, "heads.py")

run("ocrnet_hrnet_w18_narrow", networks.HrSegmenter("ocr", 5, 0.25), x, labels, segmentation_loss, 0.01, "heads.py", 3)

x, labels = pictures((2, 3, 64, 64)), drawn_labels((2, 64, 64))
for name, make in (("pspnet", networks.PspNet), ("deeplabv3", networks.DeepLabV3), ("fcn", networks.Fcn)):
    run_full(f"{name}_resnet50", make(), x, labels, segmentation_loss, "heads.py")
for name, head in (("ocrnet", "ocr"), ("fcn", "fcn")):
    run_full(f"{name}_hrnet_w18", networks.HrSegmenter(head), x, labels, segmentation_loss, "heads.py")
