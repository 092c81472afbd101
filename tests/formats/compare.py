"""Compares two folders of fixtures by what the files hold: containers have times in them, and so differ in bytes."""

import io
import json
import zipfile

import h5py
import numpy as np
import onnx
import torch
from safetensors import safe_open

# What is computed, not drawn, may differ by rounding from one machine to another, by so much
# relative to the largest value.
COMPUTED = ("outputs", "optimizer", "loss")
ROUNDING = 1e-5
# What Keras notes to tell shared objects: where they lay in memory.
ADDRESS = "shared_object_id"


def folders(committed, made):
    """Prints every difference; 1 if there is one, else 0."""
    differences = [f"{name} {reason}" for name, reason in lists(files_of(committed), files_of(made))]
    for name in sorted(files_of(committed) & files_of(made)):
        differences += [f"{name}: {reason}" for reason in files(committed / name, made / name)]
    for difference in differences:
        print(difference)
    print(f"{len(files_of(committed))} files, {len(differences)} differences")
    return 1 if differences else 0


def files_of(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def lists(committed, made):
    yield from ((name, "is not made any more") for name in sorted(committed - made))
    yield from ((name, "is not committed") for name in sorted(made - committed))


def files(committed, made):
    expected, found = dict(content(committed)), dict(content(made))
    yield from (f"{name} {reason}" for name, reason in lists(expected.keys(), found.keys()))
    for name in sorted(expected.keys() & found.keys()):
        if not same(name, expected[name], found[name]):
            yield f"{name} differs"


def same(name, expected, found):
    if not isinstance(expected, np.ndarray) or expected.dtype.kind not in "fiu":
        return np.array_equal(expected, found)
    if expected.dtype != found.dtype or expected.shape != found.shape:
        return False
    if not any(word in name for word in COMPUTED):
        return expected.tobytes() == found.tobytes()
    difference, largest = np.abs(expected - found), np.abs(expected).max(initial=0)
    return bool((difference <= ROUNDING * largest).all())


def content(path):
    """Names and values of all that a file holds."""
    match path.suffix:
        case ".json" if path.name == "network.json":
            yield from of_reference(json.loads(path.read_text()))
        case ".json":
            yield from nested("", json.loads(path.read_text()))
        case ".pt":
            yield from nested("", torch.load(path, weights_only=False))
        case ".safetensors":
            yield from of_safetensors(path)
        case ".onnx":
            yield from of_onnx(onnx.load(path))
        case ".npz" | ".npy":
            yield from of_numpy(np.load(path, allow_pickle=True))
        case ".h5":
            yield from of_hdf5(path)
        case ".keras":
            yield from of_keras(path)
        case other:
            raise SystemExit(f"{path}: nothing is known of {other}")


def nested(name, value):
    """Leaves of dictionaries, lists and modules, keys joined by dots."""
    if isinstance(value, torch.nn.Module):
        yield f"{name}.class", str(value)
        yield from nested(name, value.state_dict())
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key != ADDRESS:
                yield from nested(f"{name}.{key}", inner)
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from nested(f"{name}.{place}", inner)
    elif isinstance(value, torch.Tensor):
        yield name, value.detach().numpy()
    else:
        yield name, np.array(value) if isinstance(value, float) else value


def of_reference(reference):
    for key in ("inputs", "outputs"):
        yield key, np.frombuffer(bytes.fromhex(reference.pop(key)), "<f4")
    yield from nested("", reference)


def of_safetensors(path):
    with safe_open(path, framework="numpy") as file:
        yield "metadata", file.metadata()
        for name in file.keys():
            yield name, file.get_tensor(name)


def of_onnx(model):
    """Initializers, and the nodes as text."""
    for tensor in model.graph.initializer:
        yield tensor.name, onnx.numpy_helper.to_array(tensor)
    yield "nodes", [str(node) for node in model.graph.node]


def of_numpy(loaded):
    if isinstance(loaded, np.ndarray):
        return ((str(place), array) for place, array in enumerate(loaded))
    return loaded.items()


def of_hdf5(file):
    """Data sets and attributes."""
    found = []

    def visit(name, item):
        for key, value in item.attrs.items():
            is_json = isinstance(value, str) and value.startswith("{")
            found.extend(nested(f"{name}@{key}", json.loads(value) if is_json else value))
        if isinstance(item, h5py.Dataset):
            found.append((name, item[()]))

    with h5py.File(file) as opened:
        visit("", opened)
        opened.visititems(visit)
    return found


def of_keras(path):
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.endswith(".h5"):
                yield from of_hdf5(io.BytesIO(archive.read(member)))
            elif member != "metadata.json":  # says when it was saved
                yield from nested(member, json.loads(archive.read(member)))
