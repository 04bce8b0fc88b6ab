"""Training steps of classifiers by PyTorch; see steps.py. One file per network.

Narrow ones: three or ten steps. At full width: two passes, of which sums are kept. All in float64.
"""
import numpy
import torch
import torch.nn.functional as F

import networks
from classifiers import dilated, mobilenet_v1, mobilenet_v2, resnet, resnet_vd, squeezenet
from steps import hashed, is_buffer, norms, ready, run, write


def full_width(name, net):
    """Pictures of 32 x 32 in evaluation: of each gradient the norm and its products with three hashed directions,
    tensors 2000 to 2002. Pictures of 64 x 64 in training: logits, loss and norms of the running statistics.

    The tests run the first in float64 and the second in float32, of which gradients would say little: PyTorch's own
    miss those of HRNet by 6 per cent, for batch norms over 8 values a channel magnify rounding, and one value near zero
    that changes the side of a ReLU is a per cent.
    """
    net, classes = ready(net), torch.tensor([3, 8])
    F.cross_entropy(net.eval()(hashed((2, 3, 32, 32), 1000, -2.0, 2.0)), classes).backward()
    grads = [p.grad.flatten() for p in net.parameters()]
    products = [[(g @ hashed(g.shape, 2000 + j, -1.0, 1.0)).item() for j in range(3)] for g in grads]
    with torch.no_grad():
        z = net.train()(hashed((2, 3, 64, 64), 1000, -2.0, 2.0))
    write(name, "trunks.py", {
        "gradient_norms": norms(grads), "gradient_products": numpy.array(products),
        "logits": z.numpy(), "loss": F.cross_entropy(z, classes).reshape(1).numpy(),
        "running_norms": norms([t for key, t in net.state_dict().items() if is_buffer(key)])})
    print(name, len(grads), "gradients")


pictures = hashed((3, 3, 64, 48), 1000, -2.0, 2.0)
classes = torch.tensor([2, 0, 4])
for name, net, steps in (("resnet50_vd", resnet_vd(5, 0.0625), 3),
                         ("resnet50_vd_dilated", dilated(resnet_vd(5, 0.0625), (1, 2, 4)), 3),
                         ("hrnet_w18", networks.HrClassifier(5, 0.25), 3),
                         ("mobilenet_v1", mobilenet_v1(5, 0.125), 3), ("mobilenet_v2", mobilenet_v2(5, 0.25), 3),
                         ("squeezenet1_0", squeezenet("1_0", 5, 0.125), 10),
                         ("squeezenet1_1", squeezenet("1_1", 5, 0.125), 10)):
    run(name + "_narrow", net, pictures, classes, F.cross_entropy, 0.02, "trunks.py", steps)
for name, net in (("resnet18", resnet(18, 10)), ("resnet34", resnet(34, 10)), ("resnet101", resnet(101, 10)),
                  ("resnet50_vd", resnet_vd(10)),
                  ("hrnet_w18", networks.HrClassifier(10)), ("mobilenet_v1", mobilenet_v1(10)),
                  ("mobilenet_v2", mobilenet_v2(10)), ("squeezenet1_1", squeezenet("1_1", 10))):
    full_width(name, net)
