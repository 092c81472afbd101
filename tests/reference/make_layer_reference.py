#!/usr/bin/env python3
"""Makes the reference numbers of every kind of layer: strengths by networkx, activations by torch.

Each network is a real `torch.nn` model with seeded weights. What its neurons do over inputs comes from torch's own
modules, run in f32 and in f64. Its graph is unrolled link by link into a `networkx.MultiDiGraph` (one edge per link,
constants as nodes of their own) whose weighted degrees are the strengths; statistics are numpy's, checked against
scipy's. The scripts check themselves: degrees against sums of matrices, unrolled convolutions and poolings against what
torch's modules do to unit vectors, gates against `nn.RNN`, `nn.LSTM` and `nn.GRU`, blocks against
`nn.TransformerEncoderLayer`, some networks against models written out by hand.

    tests/reference/setup              makes an environment with the pinned packages, runs this and make_reference.py
    tests/reference/setup --check      regenerates into a temporary folder and compares with the committed files
    make_layer_reference.py [FOLDER]   writes one `<network>.json` into FOLDER, default `layers` beside itself
    make_layer_reference.py --compare FOLDER OTHER
                                       compares two folders of either script's files; exit code 1 if they differ

The networks are in layer_networks.py, their graphs in layer_graph.py.

How a file reads: tensors and inputs are f32 in hexadecimal, little-endian. `columns` holds every list of numbers once,
at 12 digits; `single_columns` those of torch's f32 run, at 7; all else refers to them by place. `null` stands for NaN.
In `expected`, one entry per choice of options (what is not named has its default): `neurons` layer by layer, their S
and A over inputs as [mean, std, min, max, zero_share] under `double` and `single`; `parts`, the links by the layers
they join (`from` null: constants); `rows` as [layer, name, metric, column], a column of 17 numbers by the names in
`statistics`, of 1 for metrics that are one number.
"""

import copy
import json
import math
import sys
import zlib
from pathlib import Path

import networkx as nx
import numpy as np
import scipy.stats
import torch
from torch import nn

from layer_graph import Walk, channel_links, links, near, numbers, spread
from layer_networks import BY_HAND, networks

SEED = 20240404
QUANTILES = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "q99": 0.99}
STATISTICS = ["count", "mean", "std", "skewness", "kurtosis", "min", *QUANTILES, "max", "l1", "l2", "zeros"]
DEFAULTS = {"bias": "link", "boundary": "unit", "padding": "real", "conv_graph": "spatial", "fold_norm": True,
            "residual": "links"}


# --- numbers --------------------------------------------------------------------------------------


def summary(values):
    x = np.asarray(values, np.float64)
    deviation = x - x.mean()
    m2, m3, m4 = ((deviation**k).mean() for k in (2, 3, 4))
    varies = np.ptp(x) > 1e-13 * np.abs(x).max()
    found = {
        "count": x.size, "mean": x.mean(), "std": x.std() if varies else 0.0,
        "skewness": m3 / m2**1.5 if varies else math.nan,
        "kurtosis": m4 / m2**2 - 3 if varies else math.nan, "min": x.min(),
        **{name: np.quantile(x, q) for name, q in QUANTILES.items()},
        "max": x.max(), "l1": np.abs(x).sum(), "l2": np.sqrt((x**2).sum()), "zeros": np.mean(x == 0),
    }
    if varies:
        quantiles = scipy.stats.mstats.mquantiles(x, list(QUANTILES.values()), alphap=1, betap=1)
        other = [scipy.stats.skew(x), scipy.stats.kurtosis(x), *quantiles, np.linalg.norm(x, 1), np.linalg.norm(x)]
        own = [found["skewness"], found["kurtosis"], *(found[name] for name in QUANTILES), found["l1"], found["l2"]]
        assert np.allclose(own, other, rtol=1e-9, atol=1e-9 * max(1, np.abs(x).max())), (own, other)
    return [found[name] for name in STATISTICS]


def fluctuations(part):
    """rho_in and rho_out of w, |w| and w^2: variances of sums over what each output, or input, of the kernel sees."""
    if part.form not in ("dense", "embedding", "conv", "conv_transpose"):
        return
    # As [groups, outputs of a group, inputs of a group, taps].
    groups = part.geometry["groups"] if part.geometry else 1
    kernel = part.kernel.T if part.form == "embedding" else part.kernel
    if part.form == "conv_transpose":
        kernel = kernel.reshape(groups, kernel.shape[0] // groups, kernel.shape[1], -1).swapaxes(1, 2)
    else:
        kernel = kernel.reshape(groups, kernel.shape[0] // groups, kernel.shape[1], -1)
    for suffix, change in (("", lambda w: w), ("_abs", np.abs), ("_square", np.square)):
        w = change(kernel)
        for side, axes in (("in", (2, 3)), ("out", (1, 3))):
            n = math.prod(w.shape[axis] for axis in axes)
            rho = w.sum(axes).var() / (n * w.var()) if np.ptp(w) > 0 else math.nan
            yield f"normalised_fluctuation_{side}{suffix}", rho


def correlation(a, b):
    if np.ptp(a) <= 1e-13 * np.abs(a).max() or np.ptp(b) <= 1e-13 * np.abs(b).max():
        return math.nan
    return np.corrcoef(a, b)[0, 1]


def seen(values, sequence, places):
    """[mean, std, min, max, zero share] of every neuron over inputs (and steps; in the channel graph, and places)."""
    x = numbers(values).reshape(-1, values.shape[-1]) if sequence else numbers(values).reshape(len(values), -1)
    if places > 1:
        x = x.reshape(len(x), -1, places).transpose(0, 2, 1).reshape(-1, x.shape[1] // places)
    return [x.mean(0), np.where(x.min(0) == x.max(0), 0, x.std(0)), x.min(0), x.max(0), (x == 0).mean(0)]


class Graph:
    """The explicit graph of one choice of options: neurons, constants and columns are nodes, links are edges."""

    def __init__(self, walk, options):
        self.walk, self.options = walk, options
        channel = options["conv_graph"] == "channel"
        slides = lambda part: part.form in ("conv", "conv_transpose", "max", "average")
        sliding = [part for part in walk.parts if channel and slides(part)]
        beside = {index for part in sliding for index in (part.source, part.target)}
        self.places = [neurons.places if index in beside else 1 for index, neurons in enumerate(walk.neurons)]
        self.sizes = [neurons.n // places for neurons, places in zip(walk.neurons, self.places)]
        self.graph, self.n_links, self.weights, self.aliases = nx.MultiDiGraph(), 0, {}, {}
        for index, size in enumerate(self.sizes):
            self.graph.add_nodes_from((index, node) for node in range(size))
        for place, part in enumerate(walk.parts):
            self.weights[place] = self.add(place, part, channel)
        if options["boundary"] == "unit":
            for node in range(self.sizes[0]):
                self.edge("outside", (0, node), 1.0)
            for node in range(self.sizes[-1]):
                self.edge((len(self.sizes) - 1, node), "outside", 1.0)

    def edge(self, a, b, weight):
        self.graph.add_edge(a, b, weight=weight, absolute=abs(weight))

    def add(self, place, part, channel):
        """Adds a part's links; gives their weights."""
        if part.form == "identity" and self.options["residual"] == "ignore":
            return []
        found = channel_links(part, self.places[part.source]) if channel else \
            links(part, self.options["padding"] == "whole")
        weights = []
        for column, target, w in found:
            if column is None:
                source = ("padding", place)
            elif channel or len(part.columns[column]) == 1:
                source = (part.source, column if channel else part.columns[column][0])
            else:
                source = ("column", place, column)
                for node in part.columns[column]:
                    self.aliases.setdefault((part.source, node), set()).add(source)
            self.edge(source, (part.target, target), w)
            weights.append(w)
        if part.bias is not None and self.options["bias"] == "link":
            weights += self.add_biases(place, part)
        self.n_links += len(weights)
        return weights

    def add_biases(self, place, part):
        if part.form == "constants":
            constants = [(node, value) for row in part.bias for node, value in enumerate(row)]
        elif part.form in ("dense", "embedding"):
            constants = [(part.offset + node, value) for node, value in enumerate(part.bias)]
        else:
            constants = list(enumerate(spread(part.bias, self.sizes[part.target])))
        for node, value in constants:
            self.edge(("constant", place), (part.target, node), float(value))
        return [float(value) for _, value in constants]

    def strengths(self, index):
        """s_in, s_out and their absolute counterparts of a layer's neurons."""
        nodes = [(index, node) for node in range(self.sizes[index])]
        out = []
        for weight in ("weight", "absolute"):
            into = self.graph.in_degree(nodes, weight=weight)
            from_it = self.graph.out_degree(nodes, weight=weight)
            shared = [sum(self.graph.out_degree(column, weight=weight) for column in sorted(self.aliases.get(node, ())))
                      for node in nodes]
            out += [np.array([into[node] for node in nodes], float),
                    np.array([from_it[node] for node in nodes], float) + shared]
        return out

    def check(self, found):
        """Degrees against sums over matrices made of the same tensors."""
        if self.options["conv_graph"] == "channel" or self.options["padding"] == "whole":
            return
        unit = 1.0 if self.options["boundary"] == "unit" else 0.0
        s_in, s_out = ([np.zeros(size) for size in self.sizes] for _ in range(2))
        s_in[0] += unit
        s_out[-1] += unit
        for part in self.walk.parts:
            if part.form == "identity" and self.options["residual"] == "ignore":
                continue
            if part.form in ("dense", "embedding"):
                kernel = part.kernel.T if part.form == "embedding" else part.kernel
                s_in[part.target][part.offset:part.offset + len(kernel)] += kernel.sum(1)
                by_column = kernel.sum(0)
            else:
                matrix = np.zeros((len(part.columns), self.sizes[part.target]))
                for i, j, w in links(part):
                    matrix[i, j] += w
                s_in[part.target] += matrix.sum(0)
                by_column = matrix.sum(1)
            for column, nodes in enumerate(part.columns):
                s_out[part.source][nodes] += by_column[column]
            if part.bias is not None and self.options["bias"] == "link":
                if part.form == "constants":
                    s_in[part.target] += part.bias.sum(0)
                elif part.form in ("dense", "embedding"):
                    s_in[part.target][part.offset:part.offset + len(part.bias)] += part.bias
                else:
                    s_in[part.target] += spread(part.bias, self.sizes[part.target])
        for index, (own_in, own_out, _, _) in enumerate(found):
            assert np.allclose(own_in, s_in[index], rtol=1e-11, atol=1e-12), self.walk.neurons[index].name
            assert np.allclose(own_out, s_out[index], rtol=1e-11, atol=1e-12), self.walk.neurons[index].name


# --- what is expected of one network --------------------------------------------------------------


class Pool:
    """Lists of numbers, each kept once."""

    def __init__(self, digits):
        self.digits, self.lists, self.places = digits, [], {}

    def place(self, values):
        rounded = [self.rounded(value) for value in values]
        key = json.dumps(rounded)
        if key not in self.places:
            self.places[key] = len(self.lists)
            self.lists.append(rounded)
        return self.places[key]

    def rounded(self, value):
        if math.isnan(value):
            return None
        value = float(f"{float(value):.{self.digits}g}")
        return int(value) if value == int(value) and abs(value) < 1e9 else value


def is_sequence(neurons, value):
    return len(neurons.shape) == 1 and value.ndim == 3


def data_of(neurons, places, pool):
    """S, A and gates of a layer as references into a pool."""
    refer = lambda value: [pool.place(column) for column in seen(value, is_sequence(neurons, value), places)]
    return {"pre": None if neurons.pre is None else refer(neurons.pre), "post": refer(neurons.post),
            "gates": [[gate, refer(value)] for gate, value in neurons.gates.items()]}


def data_rows(neurons, places):
    """Summaries over a layer's neurons of what they do over inputs: name, metric, numbers."""
    gates = [(f"{neurons.name}.{gate}", value) for gate, value in neurons.gates.items()]
    strengths = gates or [(neurons.name, neurons.pre)]
    for name, value in strengths:
        mean, std, *_ = seen(value, is_sequence(neurons, value), places)
        yield name, "neurons_strength", summary(mean)
        yield name, "neurons_strength_std", summary(std)
    mean, std, _, _, zero_share = seen(neurons.post, is_sequence(neurons, neurons.post), places)
    for suffix, values in (("", mean), ("_std", std), ("_zero_share", zero_share)):
        yield neurons.name, f"neurons_activation{suffix}", summary(values)


def expect(walk, single, variant, with_data, pools):
    """Everything expected with one choice of options."""
    options = DEFAULTS | variant
    graph = Graph(walk, options)
    strengths = [graph.strengths(index) for index in range(len(walk.neurons))]
    graph.check(strengths)
    rows, neurons_out = [], []
    add_row = lambda index, name, metric, values: rows.append([index, name, metric, pools[0].place(values)])
    for place, part in enumerate(walk.parts):
        weights = graph.weights[place]
        if part.form not in ("max", "identity") and weights:
            add_row(part.target, part.name, "link_weights", summary(weights))
        if part.kernel is not None:
            add_row(part.target, part.name, "kernel_weights", summary(part.kernel.ravel()))
        if part.bias is not None:
            add_row(part.target, part.name, "biases", summary(part.bias.ravel()))
        for metric, rho in fluctuations(part):
            add_row(part.target, part.name, metric, [rho])
    last = len(walk.neurons) - 1
    for index, neurons in enumerate(walk.neurons):
        s_in, s_out, in_abs, out_abs = strengths[index]
        role = "input" if index == 0 else "output" if index == last else "hidden"
        shape = [graph.sizes[index]] if graph.places[index] > 1 else neurons.shape
        described = {"name": neurons.name, "kind": neurons.kind, "role": role, "shape": shape,
                     "s_in": pools[0].place(s_in), "s_out": pools[0].place(s_out),
                     "s_abs": pools[0].place(in_abs + out_abs)}
        strength = s_in + s_out
        for metric, values in (("strength_in", s_in), ("strength_out", s_out), ("strength_abs", in_abs + out_abs),
                               ("nodes_strength", strength)):
            add_row(index, neurons.name, metric, summary(values))
        varies = np.ptp(strength) > 1e-13 * np.abs(strength).max()
        add_row(index, neurons.name, "layers_fluctuation", [strength.std() if varies else 0.0])
        if role == "hidden":
            add_row(index, neurons.name, "coupling", [correlation(s_in, s_out)])
            add_row(index, neurons.name, "coupling_abs", [correlation(in_abs, out_abs)])
        if with_data and index > 0:
            places = graph.places[index]
            described["double"] = data_of(neurons, places, pools[0])
            if "fold_norm" not in variant:
                described["single"] = data_of(single.neurons[index], places, pools[1])
            for name, metric, values in data_rows(neurons, places):
                add_row(index, name, metric, values)
        neurons_out.append(described)
    parts = [{"name": part.name, "from": part.source, "to": part.target, "n_links": len(graph.weights[place])}
             for place, part in enumerate(walk.parts)]
    return {"options": variant, "n_links": graph.n_links, "n_neurons": sum(graph.sizes), "neurons": neurons_out,
            "parts": parts, "rows": rows}


def variants(walk, layers):
    """Choices of options that make a difference to a network, each with whether S and A are given for it."""
    forms = {part.form for part in walk.parts}
    yield {}, True
    yield {"bias": "exclude", "boundary": "zero"}, False
    if walk.folded:
        yield {"fold_norm": False}, True
    if "identity" in forms:
        yield {"residual": "ignore"}, False
    padded = any(any(part.geometry["padding"]) if part.form == "conv" else part.geometry["padded"]
                 for part in walk.parts if part.form in ("conv", "max", "average"))
    if padded and "conv_transpose" not in forms:
        yield {"padding": "whole"}, False
    kinds = {described["kind"] for described in layers}
    sequences = kinds & {"steps", "elman", "lstm", "gru", "embedding", "attention", "transformer_encoder"}
    uneven = {"adaptive_max_pool1d", "adaptive_max_pool2d"}
    if forms & {"conv", "conv_transpose"} and not forms & {"identity", "diagonal", "constants"} and \
            not sequences and not kinds & uneven:
        yield {"conv_graph": "channel"}, True


def hexadecimal(values):
    return np.asarray(values, "<f4").tobytes().hex()


def draw_inputs(rng, shape, layers):
    n = int(rng.integers(7, 14))
    if layers[0]["kind"] == "embedding":
        return rng.integers(0, layers[0]["tokens"], (n, *shape)).astype(np.float32)
    return rng.normal(0, 1, (n, *shape)).astype(np.float32)


def reference(name, shape, layers):
    """The file of one network."""
    rng = np.random.default_rng([SEED, zlib.crc32(name.encode())])
    architecture = {"input": shape, "layers": layers}
    inputs = draw_inputs(rng, shape, layers)
    model = nn.Module().eval()
    Walk(model, architecture, torch.from_numpy(inputs), True, rng)
    double = copy.deepcopy(model).double()
    pools, expected = [Pool(12), Pool(7)], []
    walks = {}
    for fold_norm in (True, False):
        walks[fold_norm] = [Walk(double, architecture, torch.from_numpy(inputs).double(), fold_norm),
                            Walk(model, architecture, torch.from_numpy(inputs), fold_norm)]
    output = walks[True][0].here.value
    if name in BY_HAND:
        by_hand = BY_HAND[name]().eval()
        loaded = by_hand.load_state_dict(model.state_dict(), strict=False)
        counters = all(key.endswith("num_batches_tracked") for key in loaded.missing_keys)
        assert counters and not loaded.unexpected_keys, loaded
        assert near(by_hand.double()(torch.from_numpy(inputs).double()), output), name
    for variant, with_data in variants(walks[True][0], layers):
        walk, single = walks[variant.get("fold_norm", True)]
        expected.append(expect(walk, single, variant, with_data, pools))
    tensors = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    return {
        "architecture": architecture,
        "tensors": {key: {"shape": list(value.shape), "f32": hexadecimal(value)} for key, value in tensors.items()},
        "inputs": hexadecimal(inputs), "n_inputs": len(inputs), "statistics": STATISTICS, "expected": expected,
        "columns": pools[0].lists, "single_columns": pools[1].lists,
    }


# --- comparing ------------------------------------------------------------------------------------


def expanded(tree, file, key=""):
    """A file's contents with every reference into its lists of numbers replaced by the list."""
    if "single_columns" not in file:
        return tree
    if isinstance(tree, dict):
        kept = {k: v for k, v in tree.items() if k not in ("columns", "single_columns")}
        return {k: expanded(v, file, "single" if key == "single" else k) for k, v in kept.items()}
    if isinstance(tree, int) and key in ("s_in", "s_out", "s_abs", "pre", "post", "gates"):
        return file["columns"][tree]
    if isinstance(tree, int) and key == "single":
        return file["single_columns"][tree]
    if isinstance(tree, list) and key == "rows" and isinstance(tree[0], int):
        return [*tree[:3], file["columns"][tree[3]]]
    if isinstance(tree, list):
        return [expanded(item, file, key) for item in tree]
    return tree


def is_number(x):
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def differences(a, b, path, tolerance=1e-9, scale=0.0):
    """What differs between two files. Numbers may differ by rounding: of themselves, and of the largest beside them."""
    if is_number(a) and is_number(b):
        if abs(a - b) > tolerance * max(abs(a), abs(b), scale):
            yield f"{path}: {a} and {b}"
    elif isinstance(a, (dict, list)) and type(a) is type(b):
        keyed = [side if isinstance(side, dict) else dict(enumerate(side)) for side in (a, b)]
        if keyed[0].keys() != keyed[1].keys():
            yield f"{path}: {len(keyed[0])} and {len(keyed[1])} entries, not the same"
            return
        scale = min(1.0, max((abs(value) for value in keyed[0].values() if is_number(value)), default=0.0))
        for key, value in keyed[0].items():
            looser = 1e-5 if key == "single" else tolerance
            yield from differences(value, keyed[1][key], f"{path}.{key}", looser, scale)
    elif a != b:
        yield f"{path}: {str(a)[:80]} and {str(b)[:80]}"


def compare(folder, other):
    """Compares the files of two folders; prints what differs."""
    names = [{path.name for path in Path(side).glob("*.json")} for side in (folder, other)]
    found = [f"{name}: in one folder only" for name in sorted(names[0] ^ names[1])]
    for name in sorted(names[0] & names[1]):
        files = [json.loads((Path(side) / name).read_text()) for side in (folder, other)]
        trees = [expanded(file, file) for file in files]
        found += list(differences(*trees, name))[:10]
    for line in found[:50]:
        print(line)
    print(f"{len(names[0] | names[1])} files in {folder} and {other}: {len(found) or 'no'} differences")
    return 1 if found else 0


def main():
    if sys.argv[1:2] == ["--compare"]:
        sys.exit(compare(*sys.argv[2:4]))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "layers"
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)
    written = set()
    with torch.no_grad():
        for name, shape, layers in networks():
            text = json.dumps(reference(name, shape, layers), separators=(",", ":")) + "\n"
            (folder / f"{name}.json").write_text(text)
            written.add(f"{name}.json")
    for stale in folder.glob("*.json"):
        if stale.name not in written:
            print(f"{stale}: not of this script any more")


if __name__ == "__main__":
    main()
