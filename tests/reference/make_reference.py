#!/usr/bin/env python3
"""Makes the reference numbers that the metrics are tested against, with numpy alone.

It owns its own way to every number: a network is unrolled link by link into a list of (from, to, weight), strengths are sums over
that list, the forward pass is a product with the matrix the list makes, and statistics are numpy's own or written out. Nothing here
knows of position classes, im2col or selection.

    tests/reference/setup         makes an environment with the pinned packages, runs this and make_layer_reference.py
    make_reference.py [FOLDER]    writes one `<network>.json` into FOLDER, by default beside itself

The seed is fixed, so a rerun gives the same files but for the last digits of numpy's sums. f32 tensors are hexadecimal,
little-endian; expected numbers are JSON numbers of 10 digits, `null` where undefined.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

SEED = 20220912
N_INPUTS = 13
QUANTILES = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "q99": 0.99}
DEFAULTS = {"bias": "link", "boundary": "unit", "padding": "real", "conv_graph": "spatial"}
VARIANTS = [{}, {"bias": "exclude", "boundary": "zero", "padding": "whole"}, {"conv_graph": "channel"}]


# --- networks -------------------------------------------------------------------------------------


def dense(units, activation, **more):
    return {"kind": "dense", "units": units, "activation": activation, **more}


def conv(filters, kernel, activation, **more):
    return {"kind": "conv2d", "filters": filters, "kernel": kernel, "activation": activation, **more}


def chosen_networks():
    """Networks that show one thing each."""
    flatten = {"kind": "flatten"}
    yield "dense", [7], [dense(11, "relu"), dense(6, "tanh", name="middle"), dense(4, "softmax")]
    yield "dense_without_biases", [9], [
        dense(13, "leaky_relu", bias=False), dense(5, "gelu"), dense(3, "sigmoid", bias=False)]
    yield "dense_many_weights", [140], [dense(118, "relu"), dense(3, "softmax")]
    yield "dense_on_places", [2, 3, 4], [dense(8, "gelu"), flatten, dense(3, "linear")]
    yield "strides_and_padding", [1, 8, 7], [
        conv(3, [3, 3], "relu"), conv(4, [3, 2], "tanh", stride=[2, 1], padding=[1, 0]), flatten, dense(5, "softmax")]
    yield "groups_and_dilation", [4, 7, 6], [
        conv(6, [3, 2], "sigmoid", groups=2, dilation=[2, 3], padding=[2, 1], bias=False),
        conv(6, [2, 2], "relu", groups=6, stride=[3, 2]), dense(3, "softmax")]
    yield "max_pooling", [2, 7, 5], [
        conv(3, [3, 3], "relu", padding=[1, 1]), {"kind": "max_pool2d", "window": [3, 2], "stride": [2, 1], "padding": [1, 0]},
        conv(2, [2, 2], "linear"), dense(4, "softmax")]
    yield "average_pooling", [2, 6, 9], [
        {"kind": "average_pool2d", "window": [2, 3], "padding": [1, 1]}, conv(3, [2, 2], "gelu", padding=[0, 2]),
        {"kind": "average_pool2d", "window": [3, 3], "stride": [1, 2], "padding": [1, 1]}, flatten, dense(2, "linear")]
    yield "strides_past_the_kernel", [3, 6, 7], [
        conv(2, [2, 1], "leaky_relu", stride=[3, 2]), conv(4, [1, 1], "relu"), {"kind": "max_pool2d", "window": [2, 2]}]


def random_networks(rng):
    """Dense and convolutional networks drawn at random; geometries that do not fit are drawn again."""
    activations = ["relu", "tanh", "sigmoid", "leaky_relu", "gelu", "linear"]
    pick = lambda *values: values[rng.integers(len(values))]
    pair = lambda low, high: [int(x) for x in rng.integers(low, high + 1, 2)]
    for number in range(2):
        layers = [dense(int(rng.integers(2, 20)), pick(*activations), bias=bool(rng.random() < 0.7)) for _ in range(3)]
        yield f"random_dense_{number}", [int(rng.integers(3, 25))], [*layers, dense(5, "softmax")]
    number = 0
    while number < 6:
        shape = [int(rng.integers(1, 4)), int(rng.integers(4, 9)), int(rng.integers(4, 9))]
        layers = []
        for _ in range(int(rng.integers(1, 4))):
            kind = pick("conv2d", "conv2d", "max_pool2d", "average_pool2d")
            if kind == "conv2d":
                groups = pick(1, 1, 2, 3)
                layers.append(conv(groups * int(rng.integers(1, 4)), pair(1, 4), pick(*activations), stride=pair(1, 3),
                                   padding=pair(0, 3), dilation=pair(1, 2), groups=groups, bias=bool(rng.random() < 0.7)))
            else:
                layers.append({"kind": kind, "window": pair(2, 3), "stride": pair(1, 3), "padding": pair(0, 1)})
        layers += [{"kind": "flatten"}, dense(4, pick("softmax", "linear"))]
        try:
            sizes = [math.prod(node["shape"]) for node in resolve(shape, layers)[0]]
        except ValueError:
            continue
        if any(layer["kind"] == "conv2d" for layer in layers) and sum(sizes) < 200 and min(sizes[1:-1]) > 3:
            yield f"random_convolution_{number}", shape, layers
            number += 1


# --- shapes ---------------------------------------------------------------------------------------


def resolve(shape, layers):
    """Layers of neurons and, per link layer, its description with every default filled in."""
    nodes = [{"name": "input", "kind": "input", "shape": list(shape), "activation": "linear"}]
    links = []
    for place, layer in enumerate(layers):
        layer = dict(layer)
        before = nodes[-1]["shape"]
        if layer["kind"] == "flatten":
            continue
        layer["name"] = layer.get("name") or f"layer{place}"
        layer["before"] = before
        if layer["kind"] == "dense":
            layer["after"] = [layer["units"]]
            layer["weight_shape"] = [layer["units"], math.prod(before)]
        else:
            after = [out_size(before[1 + axis], filled(layer, before[0]), axis) for axis in range(2)]
            layer["after"] = [layer.get("filters", before[0]), *after]
            if layer["kind"] == "conv2d":
                layer["weight_shape"] = [layer["filters"], before[0] // layer["groups"], *layer["kernel"]]
        layer.setdefault("activation", "linear")
        links.append(layer)
        nodes.append({"name": layer["name"], "kind": layer["kind"], "shape": layer["after"],
                      "activation": layer["activation"]})
    return nodes, links


def filled(layer, channels):
    layer.setdefault("padding", [0, 0])
    layer.setdefault("dilation", [1, 1])
    if layer["kind"] == "conv2d":
        layer.setdefault("stride", [1, 1])
        layer.setdefault("groups", 1)
        if channels % layer["groups"]:
            raise ValueError("groups")
    else:
        layer["kernel"] = layer["window"]
        layer["stride"] = layer.get("stride") or layer["window"]
    return layer


def out_size(size, layer, axis):
    reach = layer["dilation"][axis] * (layer["kernel"][axis] - 1) + 1
    room = size + 2 * layer["padding"][axis] - reach
    if room < 0:
        raise ValueError("does not fit")
    return room // layer["stride"][axis] + 1


# --- links, one at a time -------------------------------------------------------------------------


def spatial_links(layer, weight):
    """(from, to, weight) of every link; from is None where it starts in the padding."""
    if layer["kind"] == "dense":
        return [(i, j, weight[j, i]) for j in range(weight.shape[0]) for i in range(weight.shape[1])]
    channels, rows, columns = layer["before"]
    filters, out_rows, out_columns = layer["after"]
    links = []
    for f in range(filters):
        for r in range(out_rows):
            for c in range(out_columns):
                to = (f * out_rows + r) * out_columns + c
                for channel, tap_row, tap_column, w in taps(layer, weight, channels, f):
                    row = r * layer["stride"][0] + tap_row * layer["dilation"][0] - layer["padding"][0]
                    column = c * layer["stride"][1] + tap_column * layer["dilation"][1] - layer["padding"][1]
                    real = 0 <= row < rows and 0 <= column < columns
                    links.append(((channel * rows + row) * columns + column if real else None, to, w))
    return links


def taps(layer, weight, channels, f):
    """What output channel f sees: (input channel, row and column of the tap, weight)."""
    kernel_rows, kernel_columns = layer["kernel"]
    if layer["kind"] == "conv2d":
        fan_in = channels // layer["groups"]
        group = f // (layer["filters"] // layer["groups"])
        seen = [(group * fan_in + c, weight[f, c]) for c in range(fan_in)]
    else:
        w = 1.0 if layer["kind"] == "max_pool2d" else 1.0 / (kernel_rows * kernel_columns)
        seen = [(f, np.full((kernel_rows, kernel_columns), w))]
    return [(c, r, k, w[r, k]) for c, w in seen for r in range(kernel_rows) for k in range(kernel_columns)]


def channel_links(layer, weight, collapsed_before):
    """Links of the channel graph: kernels summed over rows and columns; a dense kernel keeps its entries."""
    if layer["kind"] == "dense":
        places = math.prod(layer["before"][1:]) if collapsed_before else 1
        return [(i // places, j, w) for i, j, w in spatial_links(layer, weight)]
    summed = {}
    for f in range(layer["after"][0]):
        for channel, _, _, w in taps(layer, weight, layer["before"][0], f):
            summed[channel, f] = summed.get((channel, f), 0.0) + w
    return [(channel, f, w) for (channel, f), w in summed.items()]


# --- numbers --------------------------------------------------------------------------------------


def summary(values):
    x = np.asarray(values, np.float64)
    if x.size == 0:
        return {name: 0 if name in ("count", "nan", "infinite") else math.nan for name in summary([0, 1])}
    deviation = x - x.mean()
    m2, m3, m4 = ((deviation**k).mean() for k in (2, 3, 4))
    varies = x.min() < x.max()
    return {
        "count": x.size, "mean": x.mean(), "std": x.std(), "skewness": m3 / m2**1.5 if varies else math.nan,
        "kurtosis": m4 / m2**2 - 3 if varies else math.nan, "min": x.min(),
        **{name: np.quantile(x, q) for name, q in QUANTILES.items()},
        "max": x.max(), "l1": np.abs(x).sum(), "l2": np.sqrt((x**2).sum()), "zeros": np.mean(x == 0), "nan": 0, "infinite": 0,
    }


def single(value):
    return {"mean": value}


def normalised(weight, groups, change):
    w = change(weight)
    spread = w.var()
    if np.ptp(w) == 0:
        return {"in": math.nan, "out": math.nan}
    into = w.reshape(w.shape[0], -1).sum(1)
    per_group = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    out = np.moveaxis(per_group, 2, 1).reshape(groups * w.shape[1], -1).sum(1)
    fan_in, fan_out = w[0].size, w.size // out.size
    return {"in": into.var() / (fan_in * spread), "out": out.var() / (fan_out * spread)}


def correlation(a, b):
    if np.ptp(a) <= 1e-13 * np.abs(a).max() or np.ptp(b) <= 1e-13 * np.abs(b).max():
        return math.nan
    return np.corrcoef(a, b)[0, 1]


def activate(activation, s):
    erf = np.vectorize(math.erf)
    exponentials = np.exp(s - s.max(1, keepdims=True)) if activation == "softmax" else None
    return {
        "linear": lambda: s,
        "relu": lambda: np.maximum(s, 0),
        "sigmoid": lambda: 1 / (1 + np.exp(-s)),
        "tanh": lambda: np.tanh(s),
        "leaky_relu": lambda: np.where(s < 0, 0.01 * s, s),
        "gelu": lambda: s * 0.5 * (1 + erf(s / math.sqrt(2))),
        "softmax": lambda: exponentials / exponentials.sum(1, keepdims=True),
    }[activation]()


def forward(nodes, layers, tensors, inputs):
    """Pre- and post-activations [n_inputs, n] of every layer from 1."""
    z = inputs.astype(np.float64)
    for node, layer in zip(nodes[1:], layers):
        links = spatial_links(layer, tensors.get("weight", layer))
        n_out = math.prod(layer["after"])
        if layer["kind"] == "max_pool2d":
            windows = [[i for i, j, _ in links if j == to and i is not None] for to in range(n_out)]
            s = np.stack([z[:, window].max(1) for window in windows], 1)
        else:
            matrix = np.zeros((n_out, z.shape[1]))
            for i, j, w in links:
                if i is not None:
                    matrix[j, i] += w
            s = z @ matrix.T
            bias = tensors.get("bias", layer)
            if bias is not None:
                s = s + np.repeat(bias, n_out // bias.size)
        z = activate(node["activation"], s)
        yield s, z


def seen(values, places):
    """Statistics over the inputs, in the channel graph over inputs and places."""
    x = values.reshape(values.shape[0], -1, places).transpose(1, 0, 2).reshape(values.shape[1] // places, -1)
    least, largest = x.min(1), x.max(1)
    std = np.where(least == largest, 0, x.std(1))
    return {"mean": x.mean(1), "std": std, "min": least, "max": largest, "zero_share": (x == 0).mean(1)}


class Tensors(dict):
    def get(self, what, layer):
        tensor = super().get(f"{layer['name']}.{what}")
        return None if tensor is None else tensor.astype(np.float64)


def measure(shape, layers, tensors, inputs, options):
    nodes, links = resolve(shape, layers)
    channel = options["conv_graph"] == "channel"
    slides = lambda l: 0 <= l < len(links) and links[l]["kind"] != "dense"
    collapsed = [channel and (slides(l - 1) or slides(l)) for l in range(len(nodes))]
    sizes = [n["shape"][0] if flat else math.prod(n["shape"]) for n, flat in zip(nodes, collapsed)]
    places = [math.prod(n["shape"]) // size for n, size in zip(nodes, sizes)]
    outside = 1.0 if options["boundary"] == "unit" else 0.0
    s_in, s_out, in_abs, out_abs = ([np.zeros(n) for n in sizes] for _ in range(4))
    s_in[0] += outside
    in_abs[0] += outside
    s_out[-1] += outside
    out_abs[-1] += outside
    n_links = 0
    rows = [[] for _ in nodes]
    for l, layer in enumerate(links, 1):
        weight, bias = tensors.get("weight", layer), tensors.get("bias", layer)
        unrolled = channel_links(layer, weight, collapsed[l - 1]) if channel else spatial_links(layer, weight)
        counted = [(i, j, w) for i, j, w in unrolled if i is not None or options["padding"] == "whole"]
        for i, j, w in counted:
            s_in[l][j] += w
            in_abs[l][j] += abs(w)
            if i is not None:
                s_out[l - 1][i] += w
                out_abs[l - 1][i] += abs(w)
        weights = [w for _, _, w in counted]
        n_links += len(weights)
        if bias is not None and options["bias"] == "link":
            per_node = np.repeat(bias, sizes[l] // bias.size)
            s_in[l] += per_node
            in_abs[l] += np.abs(per_node)
            weights += list(per_node)
            n_links += per_node.size
        if layer["kind"] != "max_pool2d":
            rows[l].append(("link_weights", summary(weights)))
        if weight is not None:
            rows[l].append(("kernel_weights", summary(weight.ravel())))
            if bias is not None:
                rows[l].append(("biases", summary(bias)))
            for suffix, change in (("", lambda w: w), ("_abs", np.abs), ("_square", np.square)):
                for side, rho in normalised(weight, layer.get("groups", 1), change).items():
                    rows[l].append((f"normalised_fluctuation_{side}{suffix}", single(rho)))
    seen_by_layer = [None] * len(nodes)
    if inputs is not None:
        for l, (s, a) in enumerate(forward(nodes, links, tensors, inputs), 1):
            seen_by_layer[l] = seen(s, places[l]), seen(a, places[l])
    out_nodes, out_rows = [], []
    for l, node in enumerate(nodes):
        strength = s_in[l] + s_out[l]
        role = "input" if l == 0 else "output" if l == len(nodes) - 1 else "hidden"
        columns = {"s_in": s_in[l], "s_out": s_out[l], "strength": strength, "s_abs": in_abs[l] + out_abs[l]}
        rows[l] += [("strength_in", summary(s_in[l])), ("strength_out", summary(s_out[l])),
                    ("strength_abs", summary(columns["s_abs"])), ("nodes_strength", summary(strength)),
                    ("layers_fluctuation", single(math.sqrt(((strength - strength.mean()) ** 2).mean())))]
        if role == "hidden":
            rows[l] += [("coupling", single(correlation(s_in[l], s_out[l]))),
                        ("coupling_abs", single(correlation(in_abs[l], out_abs[l])))]
        if seen_by_layer[l]:
            pre, post = seen_by_layer[l]
            columns |= {f"pre_{name}": pre[name] for name in pre} | {f"post_{name}": post[name] for name in post}
            rows[l] += [("neurons_strength", summary(pre["mean"])), ("neurons_strength_std", summary(pre["std"])),
                        ("neurons_activation", summary(post["mean"])), ("neurons_activation_std", summary(post["std"])),
                        ("neurons_activation_zero_share", summary(post["zero_share"]))]
        described = {"layer": l, "name": node["name"], "kind": node["kind"], "role": role}
        shape = [sizes[l]] if collapsed[l] else node["shape"]
        positions = np.indices(shape).reshape(len(shape), -1).tolist() + [[0] * sizes[l]] * (3 - len(shape))
        out_nodes.append({**described, "positions": positions, "columns": columns})
        out_rows += [{**described, "metric": metric, "summary": numbers} for metric, numbers in rows[l]]
    return {"options": options, "n_links": n_links, "n_neurons": sum(sizes), "neurons": out_nodes, "layers": out_rows}


# --- files ----------------------------------------------------------------------------------------


def plain(value):
    """Numbers as JSON takes them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, (float, np.floating)):
        return None if math.isnan(value) else float(f"{value:.10g}")
    return int(value) if isinstance(value, np.integer) else value


def hexadecimal(values):
    return np.asarray(values, "<f4").tobytes().hex()


def draw_tensors(rng, links):
    tensors = Tensors()
    for layer in links:
        if "weight_shape" not in layer:
            continue
        weight_shape = layer["weight_shape"]
        weight = rng.normal(0.05, 1 / math.sqrt(math.prod(weight_shape[1:])), weight_shape)
        weight[rng.random(weight_shape) < 0.03] = 0
        tensors[f"{layer['name']}.weight"] = weight.astype(np.float32)
        if layer.get("bias", True):
            tensors[f"{layer['name']}.bias"] = rng.normal(0, 0.3, weight_shape[0]).astype(np.float32)
    return tensors


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    rng = np.random.default_rng(SEED)
    for name, shape, layers in [*chosen_networks(), *random_networks(rng)]:
        _, links = resolve(shape, layers)
        tensors = draw_tensors(rng, links)
        inputs = rng.normal(0, 1, (N_INPUTS, math.prod(shape))).astype(np.float32)
        inputs[rng.random(inputs.shape) < 0.2] = 0
        slides = any(layer["kind"] != "dense" for layer in links)
        variants = VARIANTS if slides else VARIANTS[:2]
        # What neurons do over inputs depends on the graph alone: it is given for each graph once.
        expected = [measure(shape, layers, tensors, None if "bias" in variant else inputs, DEFAULTS | variant)
                    for variant in variants]
        reference = {
            "architecture": {"input": shape, "layers": layers},
            "tensors": {key: {"shape": list(t.shape), "f32": hexadecimal(t)} for key, t in tensors.items()},
            "inputs": hexadecimal(inputs), "n_inputs": N_INPUTS,
            "n_parameters": sum(t.size for t in tensors.values()), "expected": expected,
        }
        path = folder / f"{name}.json"
        path.write_text(json.dumps(plain(reference), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
