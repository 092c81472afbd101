"""Writes the ONNX fixtures of networks that are known in parts: small models made with onnx.helper, and for each what its parts must be.

Of each model a file NAME.onnx and NAME.json: the tensors that the parts must hold, as numpy computes them from the weights of the model
([units, n_in] for kernels), the pairs of layers that must be joined, the layers whose sides are open, and why tensors are left over.

Needs onnx and numpy. Run from the root of the repository: python tests/formats/make_onnx_parts.py
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path("crates/cntflow-sources/tests/data/onnx_parts")
OPSET = 17


class Draw:
    """Numbers that floats of 16 bits hold exactly."""

    def __init__(self):
        self.random = np.random.default_rng(7)

    def __call__(self, *shape):
        return (self.random.integers(-32, 32, shape) / 16).astype(np.float32)

    def whole(self, kind, *shape):
        limits = np.iinfo(kind)
        return self.random.integers(max(limits.min, -100), 100, shape).astype(kind)


def value(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, list(shape))


def tensors(weights):
    return [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]


def node(operator, inputs, outputs, name="", **attributes):
    return helper.make_node(operator, inputs, outputs, name=name or f"/{outputs[0]}/{operator}", **attributes)


def write(name, nodes, inputs, outputs, weights, expected, opset=OPSET, external=None):
    graph = helper.make_graph(nodes, name, inputs, outputs, tensors(weights))
    domains = [helper.make_opsetid("", opset)]
    if any(node.domain for node in nodes):
        domains.append(helper.make_opsetid("com.microsoft", 1))
    model = helper.make_model(graph, producer_name="by hand", opset_imports=domains, ir_version=8)
    if len(domains) == 1:
        onnx.checker.check_model(model)
    if external:
        onnx.external_data_helper.convert_model_to_external_data(model, location=external, size_threshold=0)
        (FOLDER / external).unlink(missing_ok=True)
    onnx.save(model, FOLDER / f"{name}.onnx")
    expected = {"joined": [], "open": {}, "left_over": {}} | expected
    expected["tensors"] = {
        tensor: {"shape": list(array.shape), "values": np.asarray(array, np.float32).flatten().tolist()}
        for tensor, array in expected["tensors"].items()
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(expected) + "\n")


def two_inputs(draw):
    w = {"a.weight": draw(3, 4), "a.bias": draw(4), "b.weight": draw(5, 2), "b.bias": draw(5), "c.weight": draw(9, 2)}
    nodes = [
        node("MatMul", ["x", "a.weight"], ["xa"]),
        node("Add", ["a.bias", "xa"], ["a"]),
        node("Gemm", ["y", "b.weight", "b.bias"], ["b"], transB=1),
        node("Concat", ["a", "b"], ["ab"], axis=1),
        node("MatMul", ["ab", "c.weight"], ["z"]),
    ]
    expected = {
        "tensors": {
            "a.weight": w["a.weight"].T,
            "a.bias": w["a.bias"],
            "b.weight": w["b.weight"],
            "b.bias": w["b.bias"],
            "c.weight": w["c.weight"].T,
        },
        "open": {"a": [False, True], "b": [False, True], "c": [True, False]},
    }
    write("two_inputs", nodes, [value("x", "n", 3), value("y", "n", 2)], [value("z", "n", 2)], w, expected)


def two_heads(draw):
    w = {"trunk.weight": draw(3, 6), "one.weight": draw(2, 6), "one.bias": draw(2), "two.weight": draw(6, 4), "two.bias": draw(4)}
    nodes = [
        node("Gemm", ["x", "trunk.weight"], ["t"]),
        node("Celu", ["t"], ["s"]),
        node("Gemm", ["s", "one.weight", "one.bias"], ["u"], transB=1),
        node("MatMul", ["s", "two.weight"], ["v0"]),
        node("Add", ["v0", "two.bias"], ["v"]),
    ]
    expected = {
        "tensors": {
            "trunk.weight": w["trunk.weight"].T,
            "one.weight": w["one.weight"],
            "one.bias": w["one.bias"],
            "two.weight": w["two.weight"].T,
            "two.bias": w["two.bias"],
        },
        "joined": [["trunk", "one"], ["trunk", "two"]],
        "open": {"trunk": [False, False], "one": [False, False], "two": [False, False]},
    }
    write("two_heads", nodes, [value("x", "n", 3)], [value("u", "n", 2), value("v", "n", 4)], w, expected)


def branches(draw):
    """Both branches of an If have weights of the same names, and take those of the graph around them, too."""
    weights = [{"fc.weight": draw(2, 3), "fc.bias": draw(2)}, {"fc.weight": draw(2, 3), "fc.bias": draw(2)}]
    outer = {"last.weight": draw(4, 2), "rate": np.array(8000, np.int64)}
    bodies = []
    for number, own in enumerate(weights):
        nodes = [
            node("Gemm", ["x", "fc.weight", "fc.bias"], [f"h{number}"], transB=1),
            node("Relu", [f"h{number}"], [f"r{number}"]),
            node("Gemm", [f"r{number}", "last.weight"], [f"y{number}"], transB=1),
        ]
        bodies.append(helper.make_graph(nodes, f"branch{number}", [], [value(f"y{number}", "n", 4)], tensors(own)))
    nodes = [
        node("Equal", ["sr", "rate"], ["is_8k"]),
        node("If", ["is_8k"], ["y"], name="If_0", then_branch=bodies[0], else_branch=bodies[1]),
    ]
    # helper.make_node sorts attributes, and the last of them is read first.
    expected = {
        "tensors": {
            "fc.weight": weights[0]["fc.weight"],
            "fc.bias": weights[0]["fc.bias"],
            "If_0.else_branch.fc.weight": weights[1]["fc.weight"],
            "If_0.else_branch.fc.bias": weights[1]["fc.bias"],
            "last.weight": outer["last.weight"],
        },
        "joined": [["If_0.else_branch.fc", "last"]],
        "open": {"fc": [True, True]},
    }
    inputs = [value("x", "n", 3), value("sr", kind=TensorProto.INT64)]
    write("branches", nodes, inputs, [value("y", "n", 4)], outer, expected)


def loop(draw):
    """A loop hands a weight on from turn to turn, as exporters of TensorFlow write recurrences."""
    w = {"kernel": draw(3, 4), "turns": np.array(5, np.int64)}
    body = helper.make_graph(
        [
            node("MatMul", ["state", "held"], ["long"]),
            node("Slice", ["long", "zero", "three", "one"], ["next"]),
            node("Identity", ["held"], ["held_on"]),
            node("Identity", ["go"], ["go_on"]),
        ],
        "body",
        [value("turn", kind=TensorProto.INT64), value("go", kind=TensorProto.BOOL), value("state", "n", 3), value("held", 3, 4)],
        [value("go_on", kind=TensorProto.BOOL), value("next", "n", 3), value("held_on", 3, 4)],
        tensors({"zero": np.array([0]), "three": np.array([3]), "one": np.array([1])}),
    )
    nodes = [node("Loop", ["turns", "", "x", "kernel"], ["y", "kernel_on"], body=body)]
    expected = {"tensors": {"long.weight": w["kernel"].T}, "open": {"long": [True, True]}}
    write("loop", nodes, [value("x", "n", 3)], [value("y", "n", 3)], w, expected)


# For each gate of PyTorch, in its order, the gate of ONNX: i, f, g, o of i, o, f, c; r, z, n of z,
# r, h.
GATES = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}


def recurrent_tensors(kind, name, weights, hidden):
    """Tensors of a recurrent layer of PyTorch, of those of ONNX: `[directions, gates * hidden, ...]`."""
    gates = np.concatenate([np.arange(hidden) + gate * hidden for gate in GATES[kind]])
    made = {}
    for direction, suffix in zip(range(weights[0].shape[0]), ["", "_reverse"]):
        w, r, b = (array[direction] for array in weights)
        made[f"{name}.weight_ih_l0{suffix}"] = w[gates]
        made[f"{name}.weight_hh_l0{suffix}"] = r[gates]
        made[f"{name}.bias_ih_l0{suffix}"] = b[gates]
        made[f"{name}.bias_hh_l0{suffix}"] = b[gates + len(gates)]
    return made


def lstm_behind_conv(draw):
    """Columns of any number, then steps; both directions become units of one dense layer. Beside it, a GRU whose weights are cut apart."""
    lstm = [draw(2, 12, 4), draw(2, 12, 3), draw(2, 24)]
    gru = [draw(1, 6, 3), draw(1, 6, 2), draw(1, 12)]
    w = {"conv.weight": draw(4, 2, 3), "conv.bias": draw(4), "W": lstm[0], "R": lstm[1], "B": lstm[2], "fc.weight": draw(6, 5)}
    w |= {"gru_w": gru[0][0], "gru.weight_hh_l0": gru[1], "gru.bias_ih_l0": gru[2], "joined": np.array([0, 0, -1]), "axis": np.array([0])}
    w |= {"from": np.array([0]), "half": np.array([3]), "to": np.array([6])}
    nodes = [
        node("Conv", ["x", "conv.weight", "conv.bias"], ["c"], pads=[1, 1]),
        node("Relu", ["c"], ["r"]),
        node("Transpose", ["r"], ["s"], perm=[2, 0, 1]),
        node("LSTM", ["s", "W", "R", "B"], ["h"], name="/lstm/LSTM", hidden_size=3, direction="bidirectional"),
        node("Transpose", ["h"], ["h0"], perm=[0, 2, 1, 3]),
        node("Reshape", ["h0", "joined"], ["h1"]),
        node("MatMul", ["h1", "fc.weight"], ["y"]),
        node("Slice", ["gru_w", "from", "half"], ["first"]),
        node("Slice", ["gru_w", "half", "to"], ["second"]),
        node("Concat", ["first", "second"], ["both"], axis=0),
        node("Unsqueeze", ["both", "axis"], ["gru.weight_ih_l0"]),
        node("GRU", ["t", "gru.weight_ih_l0", "gru.weight_hh_l0", "gru.bias_ih_l0", "", "start"], ["z"], name="/gru/GRU", hidden_size=2),
    ]
    expected = {
        "tensors": {"conv.weight": w["conv.weight"], "conv.bias": w["conv.bias"], "fc.weight": w["fc.weight"].T}
        | recurrent_tensors("LSTM", "lstm", lstm, 3)
        | recurrent_tensors("GRU", "gru", gru, 2),
        "joined": [["conv", "lstm"], ["lstm", "fc"]],
        "open": {"conv": [False, False], "lstm": [False, False], "fc": [False, False], "gru": [False, False]},
    }
    inputs = [value("x", 1, 2, "columns"), value("t", "steps", 1, 3), value("start", 1, 1, 2)]
    outputs = [value("y", "steps", 1, 5), value("z", "steps", 1, 1, 2)]
    write("lstm_behind_conv", nodes, inputs, outputs, w, expected)


def quantised(draw):
    w = {"fc.weight": draw.whole(np.int8, 3, 4), "fc.scale": np.array([0.5, 0.25, 2], np.float32), "fc.zero": np.array([1, 0, -3], np.int8)}
    w |= {"conv.weight": draw.whole(np.uint8, 2, 3, 2), "conv.scale": np.array([0.5, 2], np.float32), "conv.zero": np.array([8, 0], np.uint8)}
    w |= {"conv.bias": draw.whole(np.int32, 2), "x_scale": np.array(0.25, np.float32), "x_zero": np.array(3, np.uint8)}
    w |= {"last.weight": draw.whole(np.int8, 4, 5), "last.scale": np.array(0.125, np.float32)}
    nodes = [
        node("DequantizeLinear", ["fc.weight", "fc.scale", "fc.zero"], ["fc.real"], axis=0),
        node("Gemm", ["x", "fc.real"], ["h"], name="/fc/Gemm", transB=1),
        node("QLinearConv", ["q", "x_scale", "x_zero", "conv.weight", "conv.scale", "conv.zero", "x_scale", "x_zero", "conv.bias"], ["c"]),
        node("DynamicQuantizeLinear", ["v"], ["v8", "v_scale", "v_zero"]),
        node("MatMulInteger", ["v8", "last.weight", "v_zero"], ["i"], name="/last/MatMul"),
        node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        node("Mul", ["v_scale", "last.scale"], ["both"]),
        node("Mul", ["f", "both"], ["l"]),
    ]
    fc = (w["fc.weight"].astype(np.float32) - w["fc.zero"][:, None]) * w["fc.scale"][:, None]
    conv = (w["conv.weight"].astype(np.float32) - w["conv.zero"][:, None, None]) * w["conv.scale"][:, None, None]
    expected = {
        "tensors": {
            "fc.weight": fc,
            "conv.weight": conv,
            "conv.bias": w["conv.bias"] * w["x_scale"] * w["conv.scale"],
            "last.weight": (w["last.weight"].astype(np.float32) * w["last.scale"]).T,
        },
        "open": {"fc": [False, False], "conv": [False, False]},
        "left_over": {"fc.scale": "the scale of quantised weights", "last.scale": "the scale of quantised weights"},
    }
    inputs = [value("x", "n", 4), value("q", "n", 3, "columns", kind=TensorProto.UINT8), value("v", "n", 4)]
    outputs = [value("h", "n", 3), value("c", "n", 2, "columns", kind=TensorProto.UINT8), value("l", "n", 5)]
    write("quantised", nodes, inputs, outputs, w, expected)


def masked(draw):
    """A mask of -inf, and a bound that is infinite: constants, and no weights."""
    w = {"one.weight": draw(3, 4), "two.weight": draw(4, 2), "mask": np.array([-np.inf], np.float32), "bound": np.array(np.inf, np.float32)}
    w |= {"shift": draw(3)}
    nodes = [
        node("MatMul", ["x", "one.weight"], ["h"]),
        node("Where", ["m", "h", "mask"], ["masked"]),
        node("Softmax", ["masked"], ["s"]),
        node("Clip", ["s", "", "bound"], ["b"]),
        node("MatMul", ["b", "two.weight"], ["y"]),
        node("Add", ["x", "shift"], ["z"]),
    ]
    expected = {
        "tensors": {"one.weight": w["one.weight"].T, "two.weight": w["two.weight"].T},
        "open": {"one": [True, True], "two": [True, False]},
        "left_over": {"mask": "a constant of Where", "bound": "a constant of Clip", "shift": "a constant of Add"},
    }
    inputs = [value("x", "n", 3), value("m", "n", 4, kind=TensorProto.BOOL)]
    write("masked", nodes, inputs, [value("y", "n", 2), value("z", "n", 3)], w, expected)


def layouts(draw):
    """Kernels on the left, turned, scaled, in another order of axes, and through constants."""
    w = {"left": draw(4, 3), "scaled.weight": draw(3, 2), "scaled.bias": draw(2), "turned": draw(2, 1, 3, 5), "flat": draw(12)}
    w |= {"three": np.array([3, 4]), "left_bias": draw(4, 1)}
    constant = numpy_helper.from_array(draw(4, 6), "held")
    nodes = [
        node("MatMul", ["left", "x"], ["a"]),
        node("Add", ["a", "left_bias"], ["a0"]),
        node("Gemm", ["x", "scaled.weight", "scaled.bias"], ["b"], transA=1, alpha=0.5, beta=2.0),
        node("Transpose", ["turned"], ["kernel"], perm=[3, 2, 1, 0]),
        node("Conv", ["i", "kernel"], ["c"], name="/turned/Conv"),
        node("Reshape", ["flat", "three"], ["matrix"]),
        node("MatMul", ["v", "matrix"], ["d"], name="/flat/MatMul"),
        helper.make_node("Constant", [], ["held"], value=constant),
        node("MatMul", ["d", "held"], ["e"]),
    ]
    expected = {
        "tensors": {
            "a.weight": w["left"],
            "a.bias": w["left_bias"].flatten(),
            "scaled.weight": (w["scaled.weight"] * np.float32(0.5)).T,
            "scaled.bias": w["scaled.bias"] * 2,
            "turned.weight": w["turned"].transpose(3, 2, 1, 0),
            "flat.weight": w["flat"].reshape(3, 4).T,
            "e.weight": numpy_helper.to_array(constant).T,
        },
        "joined": [["flat", "e"]],
    }
    inputs = [value("x", 3, 4), value("i", 1, 3, "rows", "columns"), value("v", "n", 3)]
    outputs = [value("a0", 4, 4), value("b", 4, 2), value("c", 1, 5, "r", "s"), value("e", "n", 6)]
    write("layouts", nodes, inputs, outputs, w, expected)


def columns(draw):
    """Kernels that are columns of one tensor, as TensorFlow's recurrent cells have them."""
    w = {"kernel": draw(3, 8), "bias": draw(8)}
    nodes = [
        node("Split", ["kernel"], ["k0", "k1"], axis=1),
        node("Split", ["bias"], ["b0", "b1"], axis=0),
        node("Celu", ["x"], ["cx"]),
        node("MatMul", ["cx", "k0"], ["p"], name="/first/MatMul"),
        node("Add", ["p", "b0"], ["p0"]),
        node("Gemm", ["v", "k1", "b1"], ["q"], name="/second/Gemm"),
    ]
    expected = {
        "tensors": {
            "first.weight": w["kernel"][:, :4].T,
            "first.bias": w["bias"][:4],
            "second.weight": w["kernel"][:, 4:].T,
            "second.bias": w["bias"][4:],
        },
        "open": {"first": [True, False], "second": [False, False]},
    }
    write("columns", nodes, [value("x", "n", 3), value("v", "n", 3)], [value("p0", "n", 4), value("q", "n", 4)], w, expected)


def norms(draw):
    w = {"conv.weight": draw(4, 1, 3, 3), "bn.weight": draw(4), "bn.bias": draw(4), "bn.running_mean": draw(4)}
    w |= {"bn.running_var": np.abs(draw(4)) + 1, "deep.weight": draw(2, 4, 1, 1), "fc.weight": draw(2, 3), "ln.weight": draw(3)}
    w |= {"ln.bias": draw(3), "in.weight": draw(2), "in.bias": draw(2)}
    nodes = [
        node("Conv", ["x", "conv.weight"], ["c"]),
        node("BatchNormalization", ["c", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"], ["b"]),
        node("Relu", ["b"], ["r"]),
        node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p", "deep.weight"], ["d"]),
        node("InstanceNormalization", ["d", "in.weight", "in.bias"], ["n"]),
        node("GlobalAveragePool", ["n"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("MatMul", ["f", "fc.weight"], ["h"]),
        node("Sin", ["h"], ["sine"]),
        node("LayerNormalization", ["sine", "ln.weight", "ln.bias"], ["y"]),
    ]
    expected = {
        "tensors": {
            "conv.weight": w["conv.weight"],
            "deep.weight": w["deep.weight"],
            "fc.weight": w["fc.weight"].T,
            **{name: w[name] for name in w if name.split(".")[0] in ("bn", "in", "ln")},
        },
        "joined": [["conv", "p"], ["p", "deep"], ["deep", "g"], ["g", "fc"]],
        "open": {"conv": [False, False], "fc": [False, True], "ln": [True, False]},
    }
    write("norms", nodes, [value("x", "n", 1, "rows", "columns")], [value("y", "n", 3)], w, expected)


def halves(draw):
    """Floats of 16 bits, a table of vectors, a convolution of three dimensions and one with groups."""
    w = {"table.weight": draw(7, 4), "fc.weight": draw(4, 3), "solid.weight": draw(2, 3, 2, 3, 4), "deep.weight": draw(6, 1, 3)}
    w |= {"up.weight": draw(6, 2, 4)}
    kept = {name: array.astype(np.float16) for name, array in w.items()}
    nodes = [
        node("Gather", ["table.weight", "tokens"], ["t"]),
        node("MatMul", ["t", "fc.weight"], ["y"]),
        node("Conv", ["v", "solid.weight"], ["s"]),
        node("Conv", ["c", "deep.weight"], ["d"], group=6),
        node("ConvTranspose", ["d", "up.weight"], ["u"], group=2),
    ]
    half = TensorProto.FLOAT16
    inputs = [value("tokens", "n", "steps", kind=TensorProto.INT64), value("v", 1, 3, "a", "b", "c", kind=half), value("c", 1, 6, "k", kind=half)]
    outputs = [value("y", "n", "steps", 3, kind=half), value("s", 1, 2, "d", "e", "f", kind=half), value("u", 1, 4, "l", kind=half)]
    expected = {
        "tensors": {
            "table.weight": w["table.weight"],
            "fc.weight": w["fc.weight"].T,
            "solid.weight": w["solid.weight"].reshape(2, 3, 6, 4),
            "deep.weight": w["deep.weight"],
            "up.weight": w["up.weight"],
        },
        "joined": [["table", "fc"], ["deep", "up"]],
        "open": {"table": [False, False], "fc": [False, False], "solid": [False, False], "up": [False, False]},
    }
    write("halves", nodes, inputs, outputs, kept, expected)


def outside(draw):
    """Weights in a file beside the model's."""
    w = {"a.weight": draw(3, 4), "b.weight": draw(4, 2)}
    nodes = [node("Gemm", ["x", "a.weight"], ["h"]), node("Celu", ["h"], ["r"]), node("Gemm", ["r", "b.weight"], ["y"])]
    expected = {
        "tensors": {"a.weight": w["a.weight"].T, "b.weight": w["b.weight"].T},
        "joined": [["a", "b"]],
        "open": {"a": [False, False], "b": [False, False]},
    }
    write("outside", nodes, [value("x", "n", 3)], [value("y", "n", 2)], w, expected, external="outside.data")


def open_sizes(draw):
    """A chain whose sizes do not matter, and an input that nothing takes: a whole network."""
    w = {"conv.weight": draw(4, 2, 3, 3), "conv.bias": draw(4), "fc.weight": draw(5, 4), "fc.bias": draw(5)}
    nodes = [
        node("Conv", ["x", "conv.weight", "conv.bias"], ["c"]),
        node("Relu", ["c"], ["r"]),
        node("GlobalAveragePool", ["r"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]
    inputs = [value("x", "n", 2, "rows", "columns"), value("rate", kind=TensorProto.INT64)]
    write("open_sizes", nodes, inputs, [value("y", "n", 5)], w, {"tensors": w})


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in (two_inputs, two_heads, branches, loop, lstm_behind_conv, quantised, masked, layouts, columns, norms, halves, outside, open_sizes):
        make(Draw())


main()
