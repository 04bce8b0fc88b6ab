import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
import torch.nn.functional as F
from golden import save

torch.manual_seed(0)
r = torch.randn
save("conv2d", {
    "plain": (lambda x, w, b: F.conv2d(x, w, b), [r(2, 3, 5, 6), r(4, 3, 3, 2), r(4)]),
    "one_by_one": (lambda x, w, b: F.conv2d(x, w, b), [r(2, 5, 4, 7), r(6, 5, 1, 1), r(6)]),
    "one_by_one_stride2": (lambda x, w: F.conv2d(x, w, stride=2), [r(2, 5, 5, 6), r(6, 5, 1, 1)]),
    "same3": (lambda x, w: F.conv2d(x, w, padding=1), [r(2, 4, 6, 5), r(5, 4, 3, 3)]),
    "stride2": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=3), [r(1, 3, 13, 11), r(4, 3, 7, 7), r(4)]),
    "stride_2_3": (lambda x, w: F.conv2d(x, w, stride=(2, 3), padding=(1, 0)), [r(1, 2, 7, 9), r(3, 2, 3, 2)]),
    # F.pad: left, right, top, bottom
    "asymmetric": (lambda x, w: F.conv2d(F.pad(x, (2, 0, 0, 1)), w, stride=2), [r(2, 3, 6, 5), r(4, 3, 3, 3)]),
    "dilated": (lambda x, w: F.conv2d(x, w, padding=(2, 3), dilation=(2, 3)), [r(1, 3, 7, 8), r(4, 3, 3, 3)]),
    "groups": (lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2), [r(2, 4, 5, 5), r(6, 2, 3, 3), r(6)]),
    "depthwise": (lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=5), [r(2, 5, 6, 7), r(5, 1, 3, 3), r(5)]),
    "depthwise_stride2": (lambda x, w: F.conv2d(F.pad(x, (0, 1, 0, 1)), w, stride=2, groups=3),
                          [r(2, 3, 8, 9), r(3, 1, 3, 3)]),
    "depthwise_multiplier": (lambda x, w: F.conv2d(x, w, padding=2, groups=3), [r(1, 3, 6, 6), r(6, 1, 5, 5)]),
    "transposed": (lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(2, 3), padding=1, output_padding=(1, 2), groups=2,
                                                      dilation=(1, 2)), [r(2, 4, 3, 5), r(4, 3, 3, 2), r(6)]),
})
