"""Writes state dicts of reparametrised modules, and the kernels that they stand for by torch: make_normed.py FOLDER.

expected.json has for each file the kernels by their names: shape, and values as torch computes them for evaluation.
"""

import json
import pathlib
import sys
import warnings

import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

expected = {}


def mlp(norm):
    torch.manual_seed(16)
    return nn.Sequential(norm(nn.Linear(6, 5)), nn.ReLU(), norm(nn.Linear(5, 3)))


def cnn(norm):
    """A convolution, and one whose kernel has the inputs first, so that its norm is over another dimension."""
    torch.manual_seed(17)
    return nn.Sequential(norm(nn.Conv1d(2, 4, 3)), nn.ReLU(), norm(nn.ConvTranspose1d(4, 3, 2)))


def save(folder, name, module):
    module.train()
    for _ in range(3):  # Power iterations, of which spectral normalisation makes one each time.
        module(torch.randn((2, 6) if isinstance(module[0], nn.Linear) else (2, 2, 9)))
    module.eval()
    # The older form computes its kernels when it is called.
    module(torch.randn((1, 6) if isinstance(module[0], nn.Linear) else (1, 2, 9)))
    torch.save(module.state_dict(), folder / f"{name}.pt")
    kernels = {f"{index}.weight": layer.weight.detach() for index, layer in enumerate(module) if hasattr(layer, "weight")}
    expected[name] = {key: {"shape": list(value.shape), "values": value.flatten().tolist()} for key, value in kernels.items()}


def write_adapters(folder):
    """The names that adapters of low rank have, with the layers that they lie beside, and without."""
    torch.manual_seed(18)
    factors = {
        f"{layer}.lora_{factor}.default.weight": torch.randn(shape)
        for layer, n_in, n_out in (("fc1", 6, 5), ("fc2", 5, 3))
        for factor, shape in (("A", (2, n_in)), ("B", (n_out, 2)))
    }
    base = {"fc1.base_layer.weight": torch.randn(5, 6), "fc1.base_layer.bias": torch.randn(5),
            "fc2.base_layer.weight": torch.randn(3, 5), "fc2.base_layer.bias": torch.randn(3)}
    torch.save(factors, folder / "adapters.pt")
    torch.save(base | factors, folder / "with_adapters.pt")


def main():
    warnings.simplefilter("ignore")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, "weight_norm", mlp(weight_norm))
    save(folder, "weight_norm_of_all", mlp(lambda layer: weight_norm(layer, dim=None)))
    save(folder, "weight_norm_new", mlp(parametrizations.weight_norm))
    save(folder, "weight_norm_convolutions", cnn(weight_norm))
    save(folder, "spectral_norm", mlp(spectral_norm))
    save(folder, "spectral_norm_new", mlp(parametrizations.spectral_norm))
    save(folder, "spectral_norm_convolutions", cnn(spectral_norm))
    write_adapters(folder)
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
