"""The networks of the fixtures: each as a torch module and as an architecture of crates/cntflow-network/README.md."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

SEED = 20
STEPS, UNITS_OF_A_STEP = 5, 3
N_INPUTS = 3
NORMS = ("bn1", "bn2", "norm1", "norm2")


@dataclass
class Network:
    """One network: its module in eval mode with its weights drawn, and the same as an architecture."""

    name: str
    module: nn.Module
    architecture: dict
    inputs: torch.Tensor

    @property
    def tensors(self):
        """The parameters and running statistics by name, without counters."""
        state = self.module.state_dict()
        return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}


class Recurrent(nn.Module):
    """One recurrent layer, its last step into a dense layer."""

    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(UNITS_OF_A_STEP, 4, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        sequence, _ = self.rnn(x)
        return self.fc(sequence[:, -1])


class Transformer(nn.Module):
    """Two encoder blocks, the mean of their steps into a dense layer."""

    def __init__(self):
        super().__init__()
        block = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
        self.encoder = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


def sequential(**modules):
    return nn.Sequential(OrderedDict(modules))


def dense(name, units, activation="linear"):
    return {"kind": "dense", "name": name, "units": units, "activation": activation}


def conv(name, filters, size, activation=None, kind="conv2d", **more):
    layer = {"kind": kind, "name": name, "filters": filters, "kernel": [size, size]} | more
    return layer | {"activation": activation} if activation else layer


def mlp():
    module = sequential(fc1=nn.Linear(12, 8), relu1=nn.ReLU(), fc2=nn.Linear(8, 6), relu2=nn.ReLU(), fc3=nn.Linear(6, 4))
    return module, [12], [dense("fc1", 8, "relu"), dense("fc2", 6, "relu"), dense("fc3", 4)]


def cnn():
    module = sequential(
        conv1=nn.Conv2d(1, 4, 3), bn1=nn.BatchNorm2d(4), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(4, 5, 2), bn2=nn.BatchNorm2d(5), relu2=nn.ReLU(),
        pool2=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(5, 3))
    return module, [1, 8, 8], [
        conv("conv1", 4, 3), {"kind": "batch_norm", "name": "bn1", "activation": "relu"},
        {"kind": "max_pool2d", "name": "pool1", "window": [2, 2]},
        conv("conv2", 5, 2), {"kind": "batch_norm", "name": "bn2", "activation": "relu"},
        {"kind": "global_average_pool", "name": "pool2"}, dense("fc", 3)]


def recurrent(kind, module):
    def network():
        layers = [{"kind": kind, "name": "rnn", "units": 4}, {"kind": "take_step", "which": "last"}, dense("fc", 2)]
        return Recurrent(module), [STEPS, UNITS_OF_A_STEP], layers

    return network


def dense_autoencoder():
    module = sequential(
        enc1=nn.Linear(10, 6), tanh1=nn.Tanh(), enc2=nn.Linear(6, 3), relu=nn.ReLU(), dec1=nn.Linear(3, 6), tanh2=nn.Tanh(),
        dec2=nn.Linear(6, 10), sigmoid=nn.Sigmoid())
    return module, [10], [
        dense("enc1", 6, "tanh"), dense("enc2", 3, "relu"), dense("dec1", 6, "tanh"), dense("dec2", 10, "sigmoid")]


def conv_autoencoder():
    module = sequential(
        enc1=nn.Conv2d(1, 3, 3, padding=1), relu1=nn.ReLU(), pool=nn.MaxPool2d(2), enc2=nn.Conv2d(3, 4, 2, stride=2),
        relu2=nn.ReLU(), dec1=nn.ConvTranspose2d(4, 3, 2, stride=2), relu3=nn.ReLU(),
        dec2=nn.ConvTranspose2d(3, 2, 2, stride=2), tanh=nn.Tanh(), dec3=nn.ConvTranspose2d(2, 1, 3, padding=1),
        sigmoid=nn.Sigmoid())
    up = {"kind": "conv_transpose2d", "stride": [2, 2]}
    return module, [1, 8, 8], [
        conv("enc1", 3, 3, "relu", padding=[1, 1]), {"kind": "max_pool2d", "name": "pool", "window": [2, 2]},
        conv("enc2", 4, 2, "relu", stride=[2, 2]), conv("dec1", 3, 2, "relu", **up), conv("dec2", 2, 2, "tanh", **up),
        conv("dec3", 1, 3, "sigmoid", kind="conv_transpose2d", padding=[1, 1])]


def transformer():
    blocks = [{"kind": "transformer_encoder", "name": f"encoder.layers.{i}", "heads": 2, "feed_forward": 16} for i in (0, 1)]
    return Transformer(), [6, 8], [*blocks, {"kind": "take_step", "which": "mean"}, dense("head", 3)]


NETWORKS = {
    "mlp": mlp,
    "cnn": cnn,
    "elman": recurrent("elman", nn.RNN),
    "lstm": recurrent("lstm", nn.LSTM),
    "gru": recurrent("gru", nn.GRU),
    "dense_autoencoder": dense_autoencoder,
    "conv_autoencoder": conv_autoencoder,
    "transformer": transformer,
}


def drawn(name, tensor, random):
    """Values for a tensor of a state dict. The same on every machine: numpy's generator, and no arithmetic that sums."""
    if not tensor.is_floating_point():
        return torch.full_like(tensor, 7)
    module, _, what = name.rpartition(".")
    is_scale = what == "running_var" or what == "weight" and module.rpartition(".")[2] in NORMS
    low, high = (0.5, 1.5) if is_scale else (-0.7, 0.7)
    return torch.from_numpy(random.uniform(low, high, tuple(tensor.shape)).astype(np.float32))


def make(name):
    """The network of a name. Elman and LSTM keep one bias, in `bias_ih`, since Keras has no other."""
    module, shape, layers = NETWORKS[name]()
    random = np.random.default_rng([SEED, list(NETWORKS).index(name)])
    state = {key: drawn(key, tensor, random) for key, tensor in module.state_dict().items()}
    if name in ("elman", "lstm"):
        state["rnn.bias_hh_l0"].zero_()
    module.load_state_dict(state)
    inputs = torch.from_numpy(random.uniform(-1, 1, (N_INPUTS, *shape)).astype(np.float32))
    return Network(name, module.eval(), {"input": shape, "layers": layers}, inputs)
