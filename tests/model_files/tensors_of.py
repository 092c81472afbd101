#!/usr/bin/env python3
"""The float tensors of a model file, read without the program under test and without running anything.

    tests/model_files/tensors_of.py FILE...     prints their names and shapes
    tests/model_files/tensors_of.py             counts those of all fetched files anew, and compares the
                                                sums with `parameters` in files.toml

Pickles are read with an unpickler that knows the tensors of PyTorch and numpy; every other class
becomes an empty stand-in. What optimizers, schedulers and training loops keep is left out, and so is
a second name of the same numbers. ONNX: initializers and constants of more than one element, of the
graph and the graphs inside it. TensorFlow.js: the manifest. Needs what requirements.txt names.
"""
import io
import json
import pickle
import sys
import zipfile
from math import prod
from pathlib import Path

import numpy as np

from listing import default_cache, folder_of, is_fetched, packages

FLOATS = {"float16", "float32", "float64", "bfloat16", "Half", "Float", "Double", "BFloat16"}
# Keys under which a training dictionary keeps what is no part of the network.
TRAINING = ("optim", "lr_sched", "hyper_param", "hparams", "callbacks", "loops", "history", "training_history")


def tensors_of(path):
    """Name and shape of each float tensor."""
    path = Path(path)
    start = path.read_bytes()[:8]
    if start.startswith(b"\x89HDF"):
        return of_hdf5(path)
    if path.suffix == ".json":
        return of_tensorflow_js(path)
    if path.suffix == ".safetensors":
        return of_safetensors(path)
    if path.suffix == ".onnx":
        return of_onnx(path)
    if path.suffix in (".npz", ".npy"):
        return of_numpy(path)
    return of_pickle(path)


def of_hdf5(path):
    import h5py

    found = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and not name.startswith("optimizer"):
            found.append((name, tuple(item.shape)))

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def of_safetensors(path):
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return [(name, tuple(at["shape"])) for name, at in header.items() if name != "__metadata__" and "F" in at["dtype"]]


def of_tensorflow_js(path):
    document = json.loads(path.read_text())
    groups = document["weightsManifest"] if isinstance(document, dict) else document
    return [
        (weight["name"], tuple(weight["shape"]))
        for group in groups
        for weight in group["weights"]
        if weight["dtype"] == "float32"
    ]


def of_onnx(path):
    import onnx

    model = onnx.load(path, load_external_data=False)
    found = list(of_graph(model.graph, ""))
    for function in model.functions:
        found += of_nodes(function.node, f"{function.name}/")
    return found


def of_graph(graph, prefix):
    quantized = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.input[:1]}
    for tensor in graph.initializer:
        if is_float(tensor) or tensor.name in quantized:
            yield prefix + tensor.name, tuple(tensor.dims)
    yield from of_nodes(graph.node, prefix)


def of_nodes(nodes, prefix):
    for node in nodes:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value" and is_float(attribute.t):
                if prod(attribute.t.dims) > 1:
                    yield prefix + node.output[0], tuple(attribute.t.dims)
            for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from of_graph(graph, f"{prefix}{node.name or node.op_type}/")


def is_float(tensor):
    import onnx

    return tensor.data_type in (
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.DOUBLE,
        onnx.TensorProto.BFLOAT16,
    )


def of_numpy(path):
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return [(name, archive[name].shape) for name in archive.files if archive[name].dtype.kind == "f"]
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        if dtype.kind == "f":
            return [("", shape)]
        return walk(Unpickler(file).load())


def of_pickle(path):
    """PyTorch's zip form, its form before 1.6 (five pickles, of which the fourth holds), or plain."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1)
            return walk(Unpickler(io.BytesIO(archive.read(name))).load())
    with path.open("rb") as file:
        first = Unpickler(file).load()
        if not isinstance(first, int):
            return walk(first)
        for _ in range(2):
            Unpickler(file).load()
        return walk(Unpickler(file).load())


class Tensor:
    def __init__(self, storage, offset, shape):
        self.dtype, self.place, self.shape = storage.dtype, (storage.key, offset, shape), shape


class Storage:
    def __init__(self, dtype, key):
        self.dtype, self.key = dtype, key


class Dictionary(dict):
    """An `OrderedDict`, whose pickles may set attributes."""


class StandIn:
    """Any class that is not known: it keeps what its pickle says of it."""

    def __new__(cls, *arguments, **named):
        made = super().__new__(cls)
        made.arguments, made.state = arguments, named
        made.items, made.entries = [], {}
        return made

    def __init__(self, *arguments, **named):
        """What pickles give is kept by `__new__`, which they call in every case."""

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        self.entries[key] = value

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, *rest: Tensor(storage, offset, tuple(shape))
        if name.startswith("_rebuild_parameter"):
            return lambda tensor, *rest: tensor
        if module == "torch" and name.endswith("Storage"):
            return name.removesuffix("Storage")
        if (module, name) in KNOWN:
            return KNOWN[module, name]
        if module.split(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"):
            return super().find_class(module, name)
        return type(name, (StandIn,), {})

    def persistent_load(self, saved):
        kind, *rest = saved
        return Storage(rest[0], rest[1]) if kind == "storage" else rest[0]


KNOWN = {("collections", "OrderedDict"): Dictionary, ("builtins", "set"): set, ("_codecs", "encode"): str.encode}


def walk(loaded):
    """The float tensors below a loaded object; one that occurs twice counts once."""
    found, seen, places = [], set(), set()
    todo = [("", loaded)]
    while todo:
        name, value = todo.pop()
        if isinstance(value, Tensor):
            if value.dtype in FLOATS and value.place not in places:
                places.add(value.place)
                found.append((name, value.shape))
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            found.append((name, value.shape))
        elif id(value) not in seen:
            seen.add(id(value))
            todo += reversed([(join(name, key), below) for key, below in below_of(value) if not is_training(key)])
    return found


def below_of(value):
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, np.ndarray) and value.dtype == object:
        return list(enumerate(value.ravel())) if value.ndim else [("", value.item())]
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, StandIn):
        parts = [("", part) for part in (*value.arguments, value.state)]
        return parts + list(value.entries.items()) + list(enumerate(value.items))
    return []


def join(name, key):
    """Names as a state dict has them: the dictionaries of a module are no level of their own."""
    return name if key in ("", "_parameters", "_buffers", "_modules") else f"{name}.{key}".strip(".")


def is_training(key):
    return isinstance(key, str) and key.lower().startswith(TRAINING)


def recount(cache):
    """Differences between files.toml and the fetched files."""
    different = []
    for package in packages():
        if not is_fetched(package, cache):
            continue
        folder = folder_of(package, cache)
        listed = [(folder / file["path"], file["parameters"]) for file in package.get("files", [])]
        if "many" in package:
            many = package["many"]
            listed += [(path, many["parameters"]) for path in folder.glob(many["path"])]
        for path, parameters in listed:
            # 0 says that the file holds no network, whatever its arrays are.
            found = sum(prod(shape) for _, shape in tensors_of(path)) if parameters else 0
            if found != parameters:
                different.append(f"{path.relative_to(cache)}: {found:_}, and {parameters:_} is listed")
    return different


def main():
    if sys.argv[1:]:
        for path in sys.argv[1:]:
            for name, shape in tensors_of(path):
                print(name or "(no name)", list(shape))
        return 0
    different = recount(default_cache())
    print("\n".join(different) or "every number of parameters is as listed")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
