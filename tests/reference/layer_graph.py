"""How an architecture becomes torch modules, layers of neurons and links: what make_layer_reference.py measures."""

import copy
import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from layer_networks import ACTIVATIONS, QkvAttention, SeparateAttention, dense, layer

GATES = {"lstm": ["i", "f", "g", "o"], "gru": ["r", "z", "n"]}


# --- the graph ------------------------------------------------------------------------------------


@dataclass
class Neurons:
    """A layer of neurons, with S and A over inputs as torch gives them."""
    name: str
    kind: str
    shape: list
    activation: str = "linear"
    pre: torch.Tensor = None
    post: torch.Tensor = None
    gates: dict = field(default_factory=dict)

    @property
    def n(self):
        return math.prod(self.shape)

    @property
    def places(self):
        return math.prod(self.shape[1:])


@dataclass
class Part:
    """Links from one layer of neurons to another.

    `columns[c]` are the neurons of the layer before that input c of the kernel is; several where they share a column.
    `offset` is the first neuron it leads to. `form`: dense, embedding, conv, conv_transpose, max, average, diagonal,
    identity, constants.
    """
    name: str
    form: str
    source: int
    target: int
    columns: list
    kernel: np.ndarray = None
    bias: np.ndarray = None
    offset: int = 0
    geometry: dict = None
    foldable: bool = False

    def scaled(self, scale, shift):
        """A norm behind it folded in."""
        if self.form == "conv_transpose":
            groups = self.geometry["groups"]
            per_group = self.kernel.reshape(groups, -1, *self.kernel.shape[1:])
            by_filter = scale.reshape(groups, 1, -1, *[1] * (self.kernel.ndim - 2))
            self.kernel = (per_group * by_filter).reshape(self.kernel.shape)
        else:
            self.kernel = self.kernel * scale.reshape(-1, *[1] * (self.kernel.ndim - 1))
        before = 0.0 if self.bias is None else self.bias
        if shift is not None or self.bias is not None:
            self.bias = before * scale + (0.0 if shift is None else shift)
        self.foldable = False


@dataclass
class Here:
    """Where the walk stands: the value so far, the neurons it comes from, and how its entries belong to them."""
    value: torch.Tensor
    form: str
    index: int
    columns: list
    reshaped: bool = False
    pinned: bool = False
    bidirectional: bool = False


def attach(model, path, what):
    """Puts a module or a parameter at a dotted path."""
    *parents, name = path.split(".")
    for parent in parents:
        if not hasattr(model, parent):
            model.add_module(parent, nn.Module())
        model = getattr(model, parent)
    setattr(model, name, what)


def numbers(tensor):
    return None if tensor is None else tensor.detach().double().numpy()


class Walk:
    """Takes inputs through an architecture, module by module, and notes neurons and parts on the way.

    With `rng`, modules that are not there yet are made and given values.
    """

    def __init__(self, model, architecture, inputs, fold_norm, rng=None):
        self.model, self.fold_norm, self.rng = model, fold_norm, rng
        self.neurons, self.parts, self.outputs = [], [], {}
        self.folded = 0
        layers = architecture["layers"]
        self.referred = {described["from"] for described in layers if "from" in described}
        shape, first = architecture["input"], layers[0]
        if first["kind"] == "embedding":
            form, nodes = "tokens", [first["tokens"]]
        elif len(shape) == 2 and first["kind"].endswith("1d"):
            form, nodes = "places", [shape[0], 1, shape[1]]
        else:
            form, nodes = {1: ("vector", shape), 2: ("sequence", shape[1:]), 3: ("places", shape)}[len(shape)]
        self.here = Here(inputs.reshape(len(inputs), *shape), form, -1, None)
        self.make_neurons("input", "input", nodes, self.here.value)
        self.here.form = form
        self.remember("input")
        for place, described in enumerate(layers):
            name = described.get("name") or f"layer{place}"
            getattr(self, described["kind"])(described, name)
            following = layers[place + 1]["kind"] if place + 1 < len(layers) else None
            self.remember(name)
            if following == "transformer_encoder":
                self.here.pinned = True

    # What layers are made of.

    def remember(self, name):
        if name in self.referred:
            self.here.pinned = True
        self.outputs[name] = self.here

    def module(self, path, make):
        if self.rng is not None and path not in dict(self.model.named_modules()):
            made = make().eval()
            for key, value in made.state_dict().items():
                kind = made.get_submodule(key.rpartition(".")[0])
                if key != "num_batches_tracked":
                    value.copy_(torch.from_numpy(draw(self.rng, kind, key, tuple(value.shape))))
            attach(self.model, path, made)
        return self.model.get_submodule(path)

    def parameter(self, path, *shape):
        if self.rng is not None and path not in dict(self.model.named_parameters()):
            values = torch.from_numpy(draw(self.rng, None, path, shape))
            attach(self.model, path, nn.Parameter(values, requires_grad=False))
        return self.model.get_parameter(path)

    def make_neurons(self, name, kind, shape, pre, activation=None, form=None, **more):
        """A new layer of neurons; the walk goes on from it."""
        made = Neurons(name, kind, list(shape), activation or "linear", pre, None, **more)
        made.post = None if pre is None else ACTIVATIONS[made.activation](pre)
        self.neurons.append(made)
        form = form or self.here.form
        self.here = Here(made.post, form, len(self.neurons) - 1, [[i] for i in range(made.n)])
        return made

    def join(self, value, activation=None):
        """Further pre-activations of the neurons before."""
        neurons = self.neurons[self.here.index]
        neurons.pre, neurons.activation = value, activation or "linear"
        neurons.post = ACTIVATIONS[neurons.activation](value)
        old = self.here
        self.here = Here(neurons.post, old.form, old.index, old.columns)
        return neurons

    def may_join(self):
        return not self.here.reshaped and not self.here.pinned and self.neurons[self.here.index].activation == "linear"

    def link(self, name, form, came_from, **more):
        self.parts.append(Part(name, form, came_from.index, len(self.neurons) - 1, came_from.columns, **more))

    # Layers, by kind.

    def dense(self, described, name, kind="dense"):
        before = self.here
        value = before.value.flatten(1) if before.form == "places" else before.value
        module = self.module(name, lambda: nn.Linear(value.shape[-1], described["units"], described.get("bias", True)))
        form = "sequence" if before.form == "sequence" else "vector"
        self.make_neurons(name, kind, [described["units"]], module(value), described.get("activation"), form)
        self.link(name, "dense", before, kernel=numbers(module.weight), bias=numbers(module.bias), foldable=True)

    def conv(self, described, name, transposed=False):
        before = self.here
        channels, dimensions = before.value.shape[1], int(described["kind"][-2])
        options = {key: tuple(value) if isinstance(value, list) else value for key, value in described.items()
                   if key in ("stride", "padding", "dilation", "groups", "bias", "output_padding")}
        kernel = described["kernel"] if dimensions == 1 else tuple(described["kernel"])
        maker = getattr(nn, f"Conv{'Transpose' if transposed else ''}{dimensions}d")
        module = self.module(name, lambda: maker(channels, described["filters"], kernel, **options))
        pre = module(before.value)
        self.make_neurons(name, described["kind"], spatial(pre), pre, described.get("activation"))
        weight = numbers(module.weight)
        self.link(name, "conv_transpose" if transposed else "conv", before, bias=numbers(module.bias), foldable=True,
                  kernel=weight[:, :, None] if dimensions == 1 else weight,
                  geometry={"before": spatial(before.value), "after": spatial(pre),
                            "groups": described.get("groups", 1),
                            **{key: pair(described.get(key, default), filling)
                               for key, default, filling in (("kernel", 1, 1), ("stride", 1, 1), ("padding", 0, 0),
                                                             ("dilation", 1, 1))}})
        check_matrix(self.parts[-1], module, before.value, pre)

    conv1d = conv2d = conv

    def conv_transpose1d(self, described, name):
        self.conv(described, name, True)

    conv_transpose2d = conv_transpose1d

    def pool(self, described, name, module, windows, vector=False):
        """`windows(size, axis)` gives [start, end) of each window along an axis, ends beyond the places included."""
        before = self.here
        shape = spatial(before.value)
        pre = module(before.value)
        ranges = [windows(shape[1 + axis], axis) for axis in range(2)]
        after = [shape[0], *map(len, ranges)]
        form = "average" if "average" in described["kind"] else "max"
        if vector:
            pre = pre.flatten(1)
        self.make_neurons(name, described["kind"], after[:1] if vector else after, pre, None,
                          "vector" if vector else "places")
        self.link(name, form, before, geometry={"before": shape, "after": after, "ranges": ranges,
                                                "padded": any(pair(described.get("padding", 0), 0))})
        if form == "average":
            check_matrix(self.parts[-1], module, before.value, pre)

    def window_pool(self, described, name):
        dimensions = int(described["kind"][-2])
        maker = getattr(nn, f"{'Avg' if 'average' in described['kind'] else 'Max'}Pool{dimensions}d")
        size = lambda value: value if dimensions == 1 else tuple(value)
        stride = described.get("stride") or described["window"]
        padding = described.get("padding", 0 if dimensions == 1 else [0, 0])
        module = maker(size(described["window"]), size(stride), size(padding))
        window, stride, padding = pair(described["window"], 1), pair(stride, 1), pair(padding, 0)

        def windows(length, axis):
            last = length + 2 * padding[axis] - window[axis]
            starts = range(-padding[axis], last - padding[axis] + 1, stride[axis])
            return [(start, start + window[axis]) for start in starts]

        self.pool(described, name, module, windows)

    max_pool1d = max_pool2d = average_pool1d = average_pool2d = window_pool

    def adaptive_pool(self, described, name):
        dimensions = int(described["kind"][-2])
        kind = "Avg" if "average" in described["kind"] else "Max"
        output = described["output"] if dimensions == 1 else tuple(described["output"])
        sizes = pair(described["output"], 1)

        def windows(length, axis):
            n = sizes[axis]
            return [(o * length // n, -(-(o + 1) * length // n)) for o in range(n)]

        self.pool(described, name, getattr(nn, f"Adaptive{kind}Pool{dimensions}d")(output), windows)

    adaptive_max_pool1d = adaptive_max_pool2d = adaptive_average_pool1d = adaptive_average_pool2d = adaptive_pool

    def global_pool(self, described, name):
        dimensions = self.here.value.ndim - 2
        kind = "Avg" if "average" in described["kind"] else "Max"
        self.pool(described, name, getattr(nn, f"Adaptive{kind}Pool{dimensions}d")(1), lambda n, _: [(0, n)], True)

    global_max_pool = global_average_pool = global_pool

    def batch_norm(self, described, name):
        eps, affine = described.get("epsilon", 1e-5), described.get("affine", True)
        maker = nn.BatchNorm2d if self.here.value.ndim == 4 else nn.BatchNorm1d
        module = self.module(name, lambda: maker(self.here.value.shape[1], eps=eps, affine=affine))
        gamma, beta = (numbers(module.weight), numbers(module.bias)) if affine else (1.0, 0.0)
        scale = gamma / np.sqrt(numbers(module.running_var) + eps)
        self.norm(described, name, module, scale, beta - numbers(module.running_mean) * scale)

    def layer_norm(self, described, name):
        shape = self.here.value.shape[2:] if self.here.form == "sequence" else self.here.value.shape[1:]
        eps, affine = described.get("epsilon", 1e-5), described.get("affine", True)
        module = self.module(name, lambda: nn.LayerNorm(shape, eps=eps, elementwise_affine=affine))
        if self.here.form == "sequence" or len(shape) == 1:
            scale = numbers(module.weight) if affine else np.ones(shape)
            self.norm(described, name, module, scale, numbers(module.bias))
        else:
            scale = numbers(module.weight).ravel() if affine else np.ones(math.prod(shape))
            self.norm(described, name, module, scale, numbers(module.bias).ravel() if affine else None, per_place=True)

    def group_norm(self, described, name):
        channels = self.here.value.shape[1]
        eps, affine = described.get("epsilon", 1e-5), described.get("affine", True)
        module = self.module(name, lambda: nn.GroupNorm(described["groups"], channels, eps=eps, affine=affine))
        scale = numbers(module.weight) if affine else np.ones(channels)
        self.norm(described, name, module, scale, numbers(module.bias))

    def norm(self, described, name, module, scale, shift, per_place=False):
        before, last = self.here, self.parts[-1] if self.parts else None
        value = module(before.value)
        foldable = last is not None and last.foldable and last.target == before.index
        if self.fold_norm and foldable and self.may_join() and not per_place:
            last.scaled(scale, shift)
            self.folded += 1
            self.join(value, described.get("activation"))
            return
        shape = self.neurons[before.index].shape if not before.reshaped else list(scale.shape)
        self.make_neurons(name, described["kind"], shape, value, described.get("activation"))
        self.link(name, "diagonal", before, kernel=scale, bias=shift)

    def recurrent(self, described, name):
        kind, units, n_layers = described["kind"], described["units"], described.get("layers", 1)
        both, bias = described.get("bidirectional", False), described.get("bias", True)
        maker = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind]
        more = {"nonlinearity": described.get("activation", "tanh")} if kind == "elman" else {}
        module = self.module(name, lambda: maker(
            self.here.value.shape[-1], units, n_layers, bias=bias, batch_first=True, bidirectional=both, **more))
        expected = module(self.here.value)[0]
        for level in range(n_layers):
            before = self.here
            own = name if n_layers == 1 else f"{name}.l{level}"
            directions = [suffix for suffix in ("", "_reverse")[:1 + both]]
            seen = []
            for suffix in directions:
                tensors = [getattr(module, f"{what}_l{level}{suffix}", None)
                           for what in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                seen.append(run_direction(kind, before.value, tensors, suffix != "", more.get("nonlinearity")))
            hidden = torch.cat([h for _, h in seen], -1)
            pre = {gate: torch.cat([gates[gate] for gates, _ in seen], -1) for gate in seen[0][0]}
            made = self.make_neurons(own, kind, [units * (1 + both)], None, None, "sequence")
            made.activation = "recurrent"
            made.pre, made.post = pre.pop("", None), hidden
            made.gates = pre
            self.here.value, self.here.bidirectional = hidden, both
            for direction, suffix in enumerate(directions):
                self.recurrent_parts(own, kind, module, level, suffix, before, direction * units, units)
        assert near(expected, self.here.value), name

    elman = lstm = gru = recurrent

    def recurrent_parts(self, own, kind, module, level, suffix, before, offset, units):
        itself = Here(None, "sequence", len(self.neurons) - 1, [[offset + unit] for unit in range(units)])
        for what, came_from in (("ih", before), ("hh", itself)):
            weight = numbers(getattr(module, f"weight_{what}_l{level}{suffix}"))
            bias = numbers(getattr(module, f"bias_{what}_l{level}{suffix}", None))
            for gate, label in enumerate(GATES.get(kind, [""])):
                rows = slice(gate * units, (gate + 1) * units)
                part = f"{own}.{what}{suffix}{'.' + label if label else ''}"
                self.link(part, "dense", came_from, kernel=weight[rows], offset=offset,
                          bias=None if bias is None else bias[rows])

    def embedding(self, described, name):
        before = self.here
        module = self.module(name, lambda: nn.Embedding(described["tokens"], described["units"]))
        self.make_neurons(name, "embedding", [described["units"]], module(before.value.long()), None, "sequence")
        self.link(name, "embedding", before, kernel=numbers(module.weight))

    def attention(self, described, name):
        before, units = self.here, self.here.value.shape[-1]
        heads, bias = described["heads"], described.get("bias", True)
        projections = described.get("projections", "torch")
        if projections == "torch":
            make = lambda: nn.MultiheadAttention(units, heads, bias=bias, batch_first=True)
        elif projections == "qkv":
            make = lambda: QkvAttention(units, heads, bias)
        else:
            make = lambda: SeparateAttention(units, heads, bias, projections["separate"])
        module = self.module(name, make)
        if projections == "torch":
            weights, out = module.in_proj_weight.chunk(3), module.out_proj
            biases = module.in_proj_bias.chunk(3) if bias else [None] * 3
            value = module(before.value, before.value, before.value, need_weights=False)[0]
        else:
            if projections == "qkv":
                weights, biases = module.qkv.weight.chunk(3), module.qkv.bias.chunk(3) if bias else [None] * 3
            else:
                linear = [getattr(module, projections["separate"][what]) for what in ("query", "key", "value")]
                weights, biases = [one.weight for one in linear], [one.bias for one in linear]
            value, out = module(before.value), module.proj
        for what, weight, b in zip("qkv", weights, biases):
            self.make_neurons(f"{name}.{what}", "attention", [units], functional.linear(before.value, weight, b))
            self.link(f"{name}.{what}", "dense", before, kernel=numbers(weight), bias=numbers(b))
        values = self.here
        self.make_neurons(f"{name}.out", "attention", [units], value)
        self.link(f"{name}.out", "dense", values, kernel=numbers(out.weight), bias=numbers(out.bias))

    def transformer_encoder(self, described, name):
        start, units = self.here, self.here.value.shape[-1]
        activation, bias = described.get("activation", "relu"), described.get("bias", True)
        first, eps = described.get("norm_first", False), described.get("epsilon", 1e-5)
        projections = described.get("projections", "torch")
        block = nn.TransformerEncoderLayer(
            units, described["heads"], described["feed_forward"], dropout=0.0, activation=ACTIVATIONS[activation],
            layer_norm_eps=eps, batch_first=True, norm_first=first, bias=bias)
        if projections == "torch":
            block = self.module(name, lambda: block)
        else:
            self.module(f"{name}.norm1", lambda: block.norm1)
            self.module(f"{name}.norm2", lambda: block.norm2)
        attention = layer("attention", heads=described["heads"], bias=bias, projections=projections)
        norm = layer("layer_norm", epsilon=eps)
        linear = [dense(described["feed_forward"], activation, bias=bias), dense(units, bias=bias)]

        def step(kind, suffix, what):
            getattr(self, kind)(what, f"{name}.{suffix}")

        def add(suffix, earlier):
            self.outputs["earlier"] = earlier
            step("add", suffix, {"from": "earlier"})

        if first:
            step("layer_norm", "norm1", norm)
            step("attention", "self_attn", attention)
            add("sum1", start)
            middle = self.here
            self.here.pinned = True
            step("layer_norm", "norm2", norm)
        else:
            step("attention", "self_attn", attention)
            add("sum1", start)
            step("layer_norm", "norm1", norm)
            middle = self.here
            self.here.pinned = True
        step("dense", "linear1", linear[0])
        step("dense", "linear2", linear[1])
        add("sum2", middle)
        if not first:
            step("layer_norm", "norm2", norm)
        if projections == "torch":
            assert near(block(start.value), self.here.value), name

    def class_token(self, described, name):
        token = self.parameter(name, 1, 1, self.here.value.shape[-1])
        value = torch.cat([token.expand(len(self.here.value), -1, -1), self.here.value], 1)
        self.constants("class_token", name, value, numbers(token).reshape(1, -1))

    def position_embedding(self, described, name):
        steps, units = self.here.value.shape[1:]
        position = self.parameter(name, *([] if name == "pos" else [1]), steps, units)
        self.constants("position_embedding", name, self.here.value + position, numbers(position).reshape(steps, units))

    def constants(self, kind, name, value, values):
        before = self.here
        if self.may_join():
            self.join(value)
            target = before.index
        else:
            self.make_neurons(name, kind, [value.shape[-1]], value, None, "sequence")
            target = len(self.neurons) - 1
            self.link(f"{name}.0", "identity", before)
        self.parts.append(Part(name, "constants", None, target, [], bias=values))

    def steps(self, described, name):
        before = self.here
        channels, rows, columns = spatial(before.value)
        node = np.arange(channels * rows * columns).reshape(channels, rows, columns)
        if described["of"] == "rows":
            value = before.value.reshape(-1, channels, rows, columns).permute(0, 2, 1, 3).flatten(2)
            shared = node.transpose(0, 2, 1).reshape(-1, rows)
        else:
            value = before.value.flatten(2).transpose(1, 2)
            shared = node.reshape(channels, -1)
        self.here = Here(value, "sequence", before.index, shared.tolist(), True, before.pinned)

    def flatten(self, described, name):
        before = self.here
        steps = before.value.shape[1] if before.form == "sequence" else 1
        self.here = Here(before.value.flatten(1), "vector", before.index, before.columns * steps, True, before.pinned)

    def take_step(self, described, name):
        before, which = self.here, described["which"]
        x = before.value
        value = {"first": x[:, 0], "last": x[:, -1], "mean": x.mean(1), "final": x[:, -1]}[which]
        if which == "final" and before.bidirectional:
            half = x.shape[-1] // 2
            value = torch.cat([x[:, -1, :half], x[:, 0, half:]], -1)
        self.here = Here(value, "vector", before.index, before.columns, True, before.pinned)

    def add(self, described, name):
        before, earlier = self.here, self.outputs[described["from"]]
        value = before.value + earlier.value
        last = self.neurons[before.index]
        joins = last.kind.startswith(("conv", "dense", "attention", "add"))
        if joins and self.may_join():
            self.join(value, described.get("activation"))
            self.parts.append(Part(name, "identity", earlier.index, before.index, earlier.columns))
        else:
            self.make_neurons(name, "add", last.shape, value, described.get("activation"))
            self.link(f"{name}.0", "identity", before)
            self.link(f"{name}.1", "identity", earlier)

    def branch(self, described, name):
        self.here = self.outputs[described["from"]]

    def activation(self, described, name):
        assert self.may_join(), name
        self.join(self.here.value, described["activation"])


def pair(value, filling):
    """Of a one-dimensional layer, that of the single row before it."""
    return list(value) if isinstance(value, (list, tuple)) else [filling, value]


def spatial(value):
    channels, *rest = value.shape[1:]
    return [channels, 1, *rest] if len(rest) == 1 else [channels, *rest]


def run_direction(kind, x, tensors, reverse, nonlinearity):
    """S of every gate (under "" without gates) and the hidden state, [inputs, steps, units], by definition."""
    w_ih, w_hh, b_ih, b_hh = tensors
    units = w_hh.shape[1]
    hidden = cell = x.new_zeros(len(x), units)
    order = range(x.shape[1])[::-1] if reverse else range(x.shape[1])
    gates, states = {gate: {} for gate in GATES.get(kind, [""])}, {}
    for t in order:
        into, back = functional.linear(x[:, t], w_ih, b_ih), functional.linear(hidden, w_hh, b_hh)
        if kind == "elman":
            pre = {"": into + back}
            hidden = ACTIVATIONS[nonlinearity](pre[""])
        elif kind == "lstm":
            pre = dict(zip("ifgo", (into + back).chunk(4, -1)))
            cell = torch.sigmoid(pre["f"]) * cell + torch.sigmoid(pre["i"]) * torch.tanh(pre["g"])
            hidden = torch.sigmoid(pre["o"]) * torch.tanh(cell)
        else:
            (r, z, n), (r_back, z_back, n_back) = into.chunk(3, -1), back.chunk(3, -1)
            pre = {"r": r + r_back, "z": z + z_back}
            pre["n"] = n + torch.sigmoid(pre["r"]) * n_back
            update = torch.sigmoid(pre["z"])
            hidden = (1 - update) * torch.tanh(pre["n"]) + update * hidden
        for gate, value in pre.items():
            gates[gate][t] = value
        states[t] = hidden
    stack = lambda by_step: torch.stack([by_step[t] for t in range(x.shape[1])], 1)
    return {gate: stack(values) for gate, values in gates.items()}, stack(states)


def draw(rng, kind, key, shape):
    """Values for a tensor of a module, f32."""
    key = key.rpartition(".")[2]
    norm = isinstance(kind, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm))
    if key == "running_var":
        values = rng.uniform(0.4, 2, shape)
    elif key == "running_mean" or kind is None:
        values = rng.normal(0, 0.5, shape)
    elif isinstance(kind, nn.Embedding):
        values = rng.normal(0, 1, shape)
    elif norm:
        values = rng.normal(1 if key == "weight" else 0, 0.3, shape)
    elif len(shape) > 1:
        values = rng.normal(0.05, 1 / math.sqrt(math.prod(shape[1:])), shape)
        values[rng.random(shape) < 0.03] = 0
    else:
        values = rng.normal(0, 0.3, shape)
    return values.astype(np.float32)


# --- links, one at a time -------------------------------------------------------------------------


def links(part, whole=False):
    """(column of the source, target, weight) of every link; with `whole`, None for the column of links from padding."""
    if part.form in ("dense", "embedding"):
        kernel = part.kernel.T if part.form == "embedding" else part.kernel
        found = [(i, part.offset + j, w) for (j, i), w in np.ndenumerate(kernel)]
    elif part.form == "conv":
        found = conv_links(part, whole)
    elif part.form == "conv_transpose":
        found = transposed_links(part)
    elif part.form in ("max", "average"):
        found = pool_links(part, whole)
    elif part.form == "diagonal":
        found = list(zip(range(len(part.columns)), range(len(part.columns)), spread(part.kernel, len(part.columns))))
    elif part.form == "identity":
        found = [(i, i, 1.0) for i in range(len(part.columns))]
    else:
        found = []
    return [(i, int(j), float(w)) for i, j, w in found]


def spread(values, n):
    """One value per channel at every place."""
    return np.repeat(values, n // len(values))


def conv_links(part, whole):
    channels, rows, columns = part.geometry["before"]
    filters, out_rows, out_columns = part.geometry["after"]
    stride, padding, dilation = (part.geometry[key] for key in ("stride", "padding", "dilation"))
    fan_in = part.kernel.shape[1]
    found = []
    for (f, c, a, b), w in np.ndenumerate(part.kernel):
        channel = f // (filters // part.geometry["groups"]) * fan_in + c
        for r in range(out_rows):
            for k in range(out_columns):
                row = r * stride[0] + a * dilation[0] - padding[0]
                column = k * stride[1] + b * dilation[1] - padding[1]
                to = (f * out_rows + r) * out_columns + k
                if 0 <= row < rows and 0 <= column < columns:
                    found.append(((channel * rows + row) * columns + column, to, w))
                elif whole:
                    found.append((None, to, w))
    return found


def transposed_links(part):
    channels, rows, columns = part.geometry["before"]
    filters, out_rows, out_columns = part.geometry["after"]
    stride, padding, dilation = (part.geometry[key] for key in ("stride", "padding", "dilation"))
    groups = part.geometry["groups"]
    found = []
    for (channel, k, a, b), w in np.ndenumerate(part.kernel):
        f = channel // (channels // groups) * (filters // groups) + k
        for r in range(rows):
            for c in range(columns):
                row = r * stride[0] + a * dilation[0] - padding[0]
                column = c * stride[1] + b * dilation[1] - padding[1]
                if 0 <= row < out_rows and 0 <= column < out_columns:
                    found.append(((channel * rows + r) * columns + c, (f * out_rows + row) * out_columns + column, w))
    return found


def pool_links(part, whole):
    channels, rows, columns = part.geometry["before"]
    over_rows, over_columns = part.geometry["ranges"]
    found = []
    for channel in range(channels):
        for r, (top, bottom) in enumerate(over_rows):
            for c, (left, right) in enumerate(over_columns):
                to = (channel * len(over_rows) + r) * len(over_columns) + c
                w = 1.0 if part.form == "max" else 1 / ((bottom - top) * (right - left))
                for row in range(top, bottom):
                    for column in range(left, right):
                        if 0 <= row < rows and 0 <= column < columns:
                            found.append(((channel * rows + row) * columns + column, to, w))
                        elif whole:
                            found.append((None, to, w))
    return found


def channel_links(part, source_places):
    """Links of the channel graph: kernels and windows summed over their taps; a dense kernel keeps its entries."""
    if part.form == "dense":
        return [(i // source_places, j, w) for i, j, w in links(part)]
    if part.form in ("max", "average"):
        taps = math.prod(end - start for start, end in (axis[0] for axis in part.geometry["ranges"]))
        return [(c, c, float(taps) if part.form == "max" else 1.0) for c in range(part.geometry["before"][0])]
    summed, groups = part.kernel.sum((2, 3)), part.geometry["groups"]
    channels, filters = part.geometry["before"][0], part.geometry["after"][0]
    found = []
    for (a, b), w in np.ndenumerate(summed):
        if part.form == "conv":
            found.append((a // (filters // groups) * (channels // groups) + b, a, float(w)))
        else:
            found.append((a, a // (channels // groups) * (filters // groups) + b, float(w)))
    return found


def check_matrix(part, module, inputs, outputs):
    """The unrolled links do what torch's module does to each unit vector."""
    n_in, n_out = math.prod(inputs.shape[1:]), math.prod(outputs.shape[1:])
    module = copy.deepcopy(module).double()
    unit = torch.eye(n_in, dtype=torch.float64).reshape(n_in, *inputs.shape[1:])
    response = (module(unit) - module(torch.zeros_like(unit[:1]))).reshape(n_in, n_out).numpy()
    matrix = np.zeros((n_in, n_out))
    for i, j, w in links(part):
        matrix[i, j] += w
    assert np.allclose(matrix, response, rtol=0, atol=1e-13), part.name


def near(a, b):
    """Two torch results, equal but for rounding."""
    tolerance = 1e-12 if a.dtype == torch.float64 else 1e-5
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance)
