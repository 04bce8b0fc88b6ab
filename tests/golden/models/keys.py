"""Lists the state of torchvision's ResNets: one file per network, "name shape" per line."""
import os
import torchvision

here = os.path.dirname(os.path.abspath(__file__))
for name in ("resnet18", "resnet34", "resnet50"):
    state = getattr(torchvision.models, name)().state_dict()
    with open(os.path.join(here, name + "_keys.txt"), "w") as f:
        f.write(f"# torchvision {torchvision.__version__}, {name}().state_dict(), written by keys.py\n")
        for key, value in state.items():
            f.write(f"{key} [{', '.join(map(str, value.shape))}]\n")
