import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
from golden import save

torch.manual_seed(0)
r = torch.randn
cases = {}
for name, f in {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}.items():
    cases[name + "_same"] = (f, [r(3, 5), r(3, 5).abs() + 0.3])
    cases[name + "_channels"] = (f, [r(2, 3, 4, 5), r(3, 1, 1).abs() + 0.3])
    cases[name + "_both"] = (f, [r(2, 1, 5), r(4, 1).abs() + 0.3])
    cases[name + "_scalar"] = (f, [r(3, 5), r(()).abs() + 0.3])
save("arithmetic", cases)
