"""Writes the ONNX fixtures of the tests of cntflow-sources: networks exported by PyTorch's two exporters, one made by hand with
onnx.helper, and for each the inputs and PyTorch's outputs in JSON.

Needs torch, onnx, onnxscript and numpy. Run from the root of the repository: python tests/formats/make_onnx.py [NAME...]
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

FOLDER = pathlib.Path("crates/cntflow-sources/tests/data/onnx")

# Fixtures whose tensors are written out too.
LISTED = ["mlp_script", "cnn_kept_script", "lstm_new", "residual_new"]


# Names of those that are written; all if there are none.
WANTED = sys.argv[1:]


class Recurrent(nn.Module):
    def __init__(self, cell, **options):
        super().__init__()
        self.rnn = cell(3, 5, batch_first=True, **options)
        self.fc = nn.Linear(10 if options.get("bidirectional") else 5, 2)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.fc(y[:, -1])


class Hidden(Recurrent):
    """The last hidden state in place of the last step."""

    def forward(self, x):
        _, (h, _) = self.rnn(x)
        return self.fc(h[-1])


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, padding=1)
        self.conv1 = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.down = nn.Conv2d(3, 4, 1, stride=2, bias=False)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = self.stem(x).relu()
        y = self.conv2(self.conv1(x).relu())
        return self.fc((y + self.down(x)).relu().mean((2, 3)))


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.fc1 = nn.Linear(4, 6)
        self.norm = nn.LayerNorm(6)
        self.fc2 = nn.Linear(6, 2)

    def forward(self, tokens):
        x = nn.functional.silu(self.fc1(self.embedding(tokens)))
        return self.fc2(self.norm(x).mean(1))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.TransformerEncoderLayer(8, 2, 12, batch_first=True) for _ in range(2)]
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.layers(x).mean(1))


class PreNorm(nn.Module):
    """A class token, positions, a block with its norms first, and the class token's step."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.position = nn.Parameter(torch.zeros(1, 4, 4))
        self.block = nn.TransformerEncoderLayer(4, 2, 6, activation="gelu", norm_first=True, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.norm(self.block(x))[:, 0])


class Attention(nn.Module):
    """Attention with projections of its own, plain or changed in one way."""

    def __init__(self, how="plain"):
        super().__init__()
        self.how = how
        self.q, self.k, self.v, self.out, self.other = (nn.Linear(4, 4) for _ in range(5))
        self.head = nn.Linear(4, 2)

    def heads(self, x):
        if self.how == "interleaved":
            return x.unflatten(-1, (2, 2)).transpose(2, 3).transpose(1, 2)
        return x.unflatten(-1, (2, 2)).transpose(1, 2)

    def forward(self, x):
        keys = self.other(x).relu() if self.how == "cross" else x
        q, k, v = self.heads(self.q(x)), self.heads(self.k(keys)), self.heads(self.v(keys))
        if self.how == "rectified":
            q = q.relu()
        scores = q @ k.transpose(-2, -1) * (0.5 if self.how == "scaled" else 0.5**0.5)
        if self.how == "masked":
            scores = scores + torch.full((3, 3), -9.0).triu(1)
        if self.how == "filled":
            scores = scores.masked_fill(torch.ones(3, 3, dtype=torch.bool).triu(1), -9.0)
        shares = scores.softmax(-2 if self.how == "sideways" else -1)
        if self.how == "halved":
            shares = shares * 0.5
        if self.how == "turned":
            v = v.flip(2)
        y = shares @ v
        y = y.transpose(1, 2)
        y = (y.transpose(2, 3) if self.how == "mingled" else y).flatten(2)
        return self.head(self.out(y).mean(1))


CHANGED = ["interleaved", "cross", "rectified", "scaled", "masked", "filled", "sideways", "halved", "turned", "mingled"]


def randomise(module):
    """No weight, bias or running mean stays at a value that could hide a mistake."""
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            values = torch.rand(tensor.shape) - 0.5
            tensor.copy_(values.abs() + 0.5 if "running_var" in name else values)


def write(name, module, shape, modes=(False, True), tokens=None, **options):
    if WANTED and name not in WANTED:
        return
    torch.manual_seed(len(name))
    with torch.no_grad():
        randomise(module)
    module.eval()
    make = (lambda: torch.randint(tokens, shape)) if tokens else (lambda: torch.randn(shape))
    example = make()
    for new in modes:
        own = options if not new else {}
        stem = f"{name}_{'new' if new else 'script'}"
        file = FOLDER / f"{stem}.onnx"
        torch.onnx.export(module, (example,), file, dynamo=new, external_data=False, **own) if new else torch.onnx.export(
            module, (example,), file, dynamo=False, **own
        )
        model = onnx.load(file)
        for node in model.graph.node:
            del node.metadata_props[:]
            node.doc_string = ""
        onnx.save(model, file)
        module.eval()
        inputs = [make() for _ in range(3)]
        with torch.no_grad():
            outputs = [module(x).flatten().tolist() for x in inputs]
        expected = {
            "inputs": [x.flatten().tolist() for x in inputs],
            "outputs": outputs,
            "tensors": {} if stem not in LISTED else {t.name: numpy_helper.to_array(t).flatten().tolist() for t in model.graph.initializer},
        }
        (FOLDER / f"{stem}.json").write_text(json.dumps(expected))


def by_hand():
    """Every element type, raw and in typed fields, a Constant node, a sparse initializer and external data."""
    values = np.array([[1.5, -2.0], [0.25, 3.0]])
    kinds = [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT64]
    kinds += [TensorProto.INT32, TensorProto.UINT64, TensorProto.UINT8]
    tensors = []
    for kind in kinds:
        name = TensorProto.DataType.Name(kind).lower()
        array = np.abs(values) if name.startswith("u") else values
        tensors.append(helper.make_tensor(f"{name}_typed", kind, [2, 2], array.flatten().tolist()))
        kept = tensors[-1]
        raw = numpy_helper.to_array(kept)
        tensors.append(helper.make_tensor(f"{name}_raw", kind, [2, 2], raw.tobytes(), raw=True))
    outside = TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="../weights.bin")
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("sparse", TensorProto.FLOAT, [1], [2.0]), helper.make_tensor("", TensorProto.INT64, [1], [3]), [2, 2]
    )
    constant = helper.make_tensor("", TensorProto.FLOAT, [2, 2], values.flatten().tolist())
    nodes = [
        helper.make_node("Constant", [], ["kernel"], value=constant),
        helper.make_node("MatMul", ["x", "kernel"], ["h"]),
        helper.make_node("LeakyRelu", ["h"], ["y"], name="act"),
    ]
    shape = [["batch", 2], ["batch", 2]]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in zip("xy", shape)]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors + [outside], sparse_initializer=[sparse])
    model = helper.make_model(graph, producer_name="by hand", opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {"epochs": "12"})
    onnx.save(model, FOLDER / "by_hand.onnx")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.backends.mha.set_fastpath_enabled(False)
    training = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
    write("mlp", nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)), (1, 4))
    write("activations", nn.Sequential(*[m for a in (nn.GELU(), nn.SiLU(), nn.Hardswish(), nn.ELU(), nn.SELU(),
          nn.LeakyReLU(), nn.GELU("tanh"), nn.Sigmoid(), nn.Softmax(1)) for m in (nn.Linear(3, 3), a)]), (1, 3))
    write("softplus", nn.Sequential(nn.Linear(3, 3), nn.Softplus()), (1, 3), modes=[False])
    write("gelu17", nn.Sequential(nn.Linear(3, 3), nn.GELU(), nn.Linear(3, 2)), (1, 3), modes=[False], opset_version=17)
    cnn = [nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 2, stride=2), nn.ReLU(),
           nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3)]
    write("cnn", nn.Sequential(*cnn), (1, 2, 8, 8), modes=[True])
    write("cnn_kept", nn.Sequential(*cnn), (1, 2, 8, 8), modes=[False], **training)
    write("cnn_folded", nn.Sequential(*cnn), (1, 2, 8, 8), modes=[False])
    write("conv1d", nn.Sequential(nn.Conv1d(2, 4, 3, dilation=2, groups=2), nn.ReLU(), nn.MaxPool1d(2), nn.AdaptiveAvgPool1d(1),
          nn.Flatten(), nn.Linear(4, 2)), (1, 2, 12))
    write("elman", Recurrent(nn.RNN), (1, 6, 3), modes=[False])
    write("elman_relu", Recurrent(nn.RNN, nonlinearity="relu"), (1, 6, 3), modes=[False])
    write("lstm", Recurrent(nn.LSTM), (1, 6, 3))
    write("lstm_hidden", Hidden(nn.LSTM), (1, 6, 3), modes=[False])
    write("lstm_both", Recurrent(nn.LSTM, bidirectional=True, num_layers=2), (1, 6, 3))
    write("gru", Recurrent(nn.GRU), (1, 6, 3))
    write("gru_plain", Recurrent(nn.GRU, bias=False), (1, 6, 3), modes=[False])
    write("autoencoder", nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 6), nn.Sigmoid()), (1, 6))
    write("conv_autoencoder", nn.Sequential(nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(),
          nn.ConvTranspose2d(3, 1, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid()), (1, 1, 6, 6))
    write("residual", Residual(), (1, 2, 6, 6))
    write("tokens", Tokens(), (1, 5), tokens=7)
    write("transformer", Transformer(), (1, 5, 8))
    write("pre_norm", PreNorm(), (1, 3, 4), opset_version=14)
    write("attention", Attention(), (1, 3, 4))
    for how in CHANGED:
        write(f"attention_{how}", Attention(how), (1, 3, 4), modes=[True])
    write("elman_unrolled", Recurrent(nn.RNN), (1, 4, 3), modes=[True])
    write("gru_both", Recurrent(nn.GRU, bidirectional=True, num_layers=2), (1, 4, 3), modes=[True])
    if not WANTED or "by_hand" in WANTED:
        by_hand()


main()
