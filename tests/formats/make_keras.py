"""Makes crates/cntflow-sources/tests/data/keras: models saved by Keras, and what is expected of reading them.

    python tests/formats/make_keras.py crates/cntflow-sources/tests/data/keras

Made with Keras 3.15.1 on torch 2.15, h5py 3.16 and numpy 2.4. Keras 3 writes `.keras`, `.weights.h5` and its own form of `.h5`. What
Keras 2 wrote (`keras2*.h5`, `keras2.weights.h5`) is written here with h5py in exactly its layout: `layer_names` and `weight_names` as
arrays of fixed-length bytes, names that end in `:0`, lists split into `weight_names0`, `weight_names1`, ... where an attribute would
pass 64 KiB (here already after two), and `_layer_checkpoint_dependencies` in the first `.weights.h5`.

`expected.json` has for each file the tensors in order (bytes as hex), inputs and outputs of the model as Keras computes them, the
inputs with channels first.
"""

import io
import json
import os
import pathlib
import re
import sys
import zipfile
import zlib

os.environ["KERAS_BACKEND"] = "torch"

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

NAMES = {"f2": "F16", "f4": "F32", "f8": "F64", "i8": "I64", "i4": "I32", "u4": "U32", "u1": "U8", "V2": "BF16"}


def models():
    """The models by name; weights are random, so that no two tensors are alike."""
    image = keras.Input((6, 5, 2), name="image")
    sequence = keras.Input((7, 3), name="sequence")
    yield "mlp", [
        keras.Input((4,)),
        layers.Dense(5, activation="relu", name="second"),
        layers.Dropout(0.5, name="drop"),
        layers.Dense(6, activation="tanh", use_bias=False, name="layer10"),
        layers.Dense(3, activation="softmax", name="layer2"),
    ]
    yield "cnn", [
        image,
        layers.Conv2D(4, (3, 3), padding="same", name="conv1"),
        layers.BatchNormalization(name="norm1"),
        layers.ReLU(name="relu1"),
        layers.MaxPooling2D((2, 1), name="pool1"),
        layers.DepthwiseConv2D((2, 2), depth_multiplier=2, activation="tanh", name="depthwise"),
        layers.Conv2D(6, (1, 2), groups=2, activation="elu", name="groups"),
        layers.AveragePooling2D(2, strides=1, name="pool2"),
        layers.Flatten(name="flat"),
        layers.BatchNormalization(name="norm2", scale=False),
        layers.Dense(3, activation="softmax", name="classes"),
    ]
    yield "uneven", [
        keras.Input((6, 7, 2)),
        layers.Conv2D(3, 3, strides=2, padding="same", name="conv"),
        layers.MaxPooling2D(2, strides=1, padding="same", name="largest"),
        layers.AveragePooling2D(3, strides=1, padding="same", name="mean"),
        layers.Flatten(name="flat"),
        layers.Dense(2, name="out"),
    ]
    yield "line", [
        keras.Input((9, 2), name="line"),
        layers.Conv1D(3, 3, dilation_rate=2, padding="same", activation="silu", name="conv"),
        layers.Conv1DTranspose(2, 2, strides=2, activation="tanh", name="transposed"),
        layers.AveragePooling1D(3, name="pool"),
        layers.Flatten(name="flat"),
        layers.Dense(2, name="out"),
    ]
    yield "line_to_steps", [
        keras.Input((8, 2), name="line"),
        layers.Conv1D(3, 2, activation="relu", name="conv"),
        layers.MaxPooling1D(2, name="pool"),
        layers.Bidirectional(layers.GRU(2, return_sequences=True), name="both"),
        layers.LayerNormalization(name="norm"),
        layers.GlobalAveragePooling1D(name="mean"),
        layers.Dense(2, name="out"),
    ]
    yield "tokens", [
        keras.Input((6,), name="tokens"),
        layers.Embedding(5, 3, name="embedding"),
        layers.Bidirectional(layers.SimpleRNN(2, use_bias=False), name="both"),
        layers.Dense(2, name="out"),
    ]
    yield "elman", [
        sequence,
        layers.SimpleRNN(4, return_sequences=True, name="first"),
        layers.SimpleRNN(3, activation="relu", name="last"),
        layers.Dense(2, name="out"),
    ]
    yield "lstm", [sequence, layers.LSTM(4, name="lstm"), layers.Dense(2, name="out")]
    yield "gru", [sequence, layers.GRU(4, return_sequences=True, name="gru"), layers.Dense(2, name="out")]
    yield "bidirectional", [
        sequence,
        layers.Bidirectional(layers.LSTM(3, name="lstm"), name="both"),
        layers.Dense(2, activation="sigmoid", name="out"),
    ]
    yield "autoencoder", [
        keras.Input((6,)),
        layers.Dense(4, activation="selu", name="encoder"),
        layers.Dense(2, name="code"),
        layers.Dense(4, activation="gelu", name="decoder"),
        layers.Dense(6, activation="sigmoid", name="out"),
    ]
    yield "conv_autoencoder", [
        keras.Input((5, 5, 1)),
        layers.Conv2D(3, 3, strides=2, padding="same", activation="relu", name="encoder"),
        layers.Conv2DTranspose(2, 2, strides=2, padding="same", activation="softplus", name="decoder1"),
        layers.Conv2DTranspose(1, 4, padding="valid", activation="sigmoid", name="decoder2"),
    ]
    attended = layers.MultiHeadAttention(2, 3, name="attention")
    x = keras.Input((5, 6), name="x")
    h = layers.LayerNormalization(name="norm1")(layers.Add(name="sum1")([x, attended(x, x)]))
    f = layers.Dense(6, name="down")(layers.Dense(8, activation="gelu", name="up")(h))
    h = layers.LayerNormalization(name="norm2")(layers.Add(name="sum2")([h, f]))
    h = layers.GlobalAveragePooling1D(name="mean")(h)
    yield "attention", keras.Model(x, layers.Dense(2, name="out")(h), name="attention_model")
    x = keras.Input((6, 6, 2), name="x")
    stem = layers.Conv2D(3, 3, padding="same", activation="relu", name="stem")(x)
    main = layers.Conv2D(4, 3, padding="same", name="a1")(stem)
    main = layers.BatchNormalization(name="a2")(main)
    side = layers.Conv2D(4, 1, use_bias=False, name="b1")(stem)
    h = layers.Activation("relu", name="joined")(layers.Add(name="sum")([main, side]))
    h = layers.GlobalMaxPooling2D(name="pool")(h)
    yield "residual", keras.Model(x, layers.Dense(2, name="out")(h), name="residual_model")


def zeros_around():
    """Layers that put zeros around images, as Keras' own residual networks and MobileNets have them, before sums too."""
    x = keras.Input((7, 6, 2), name="x")
    h = layers.ZeroPadding2D(((1, 2), (0, 1)), name="pad1")(x)
    stem = layers.Conv2D(3, 3, strides=2, activation="relu", name="conv1")(h)
    h = layers.ZeroPadding2D(1, name="pad2")(stem)
    h = layers.MaxPooling2D(3, strides=1, name="largest")(h)
    h = layers.ZeroPadding2D(((0, 2), (1, 1)), name="pad3")(h)
    main = layers.DepthwiseConv2D(3, name="depthwise")(layers.Dropout(0.1, name="drop")(h))
    side = layers.AveragePooling2D(2, strides=1, name="mean")(layers.ZeroPadding2D(((1, 0), (1, 0)), name="pad4")(stem))
    h = layers.Add(name="sum")([main, side])
    return keras.Model(x, layers.Dense(2, name="out")(layers.Flatten(name="flat")(h)), name="zeros_model")


def randomise(model, random):
    for variable in model.weights:
        if "seed" in variable.path:
            continue
        value = random.uniform(-0.7, 0.7, variable.shape)
        if "variance" in variable.path:
            value = np.abs(value) + 0.2
        variable.assign(value.astype("float32"))


def runs(model, random):
    """Inputs and outputs, the inputs with channels first where they are images or lines."""
    shape = model.input_shape[1:]
    inputs = random.uniform(-1, 1, (3, *shape)).astype("float32")
    if model.name == "tokens":
        inputs = np.floor((inputs + 1) * 2.5)
    outputs = np.asarray(model.predict(inputs, verbose=0))
    first = model.layers[0] if model.layers[0].__class__.__name__ != "InputLayer" else model.layers[1]
    channels_first = inputs
    if len(shape) == 3:
        channels_first = inputs.transpose(0, 3, 1, 2)
    elif first.__class__.__name__ == "Conv1D":
        channels_first = inputs.transpose(0, 2, 1)
    if outputs.ndim == 4:
        outputs = outputs.transpose(0, 3, 1, 2)
    return {
        "inputs": channels_first.reshape(3, -1).astype(float).tolist(),
        "outputs": outputs.reshape(3, -1).astype(float).tolist(),
    }


def tensor(name, dataset):
    value = np.asarray(dataset[()])
    plain = value if value.dtype.kind == "V" else value.astype(value.dtype.newbyteorder("<"))
    element = "BOOL" if value.dtype == bool else NAMES[f"{value.dtype.kind}{value.dtype.itemsize}"]
    return {"name": name, "shape": list(value.shape), "element": element, "hex": plain.tobytes().hex()}


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def natural(path):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]


def tensors(file):
    """Tensors of an HDF5 file as they are expected, those of the lists first."""
    listed, seen = [], set()
    base = file["model_weights"] if "model_weights" in file else file
    if "layer_names" in base.attrs:
        for layer in base.attrs["layer_names"]:
            group = base[text(layer)]
            keys = ["weight_names"] + [f"weight_names{i}" for i in range(100)]
            names = [text(name) for key in keys if key in group.attrs for name in group.attrs[key]]
            for name in names:
                listed.append(tensor(name, group[name]))
                seen.add(group[name].name)
    others = []
    file.visititems(lambda path, item: others.append(path) if isinstance(item, h5py.Dataset) else None)
    others = sorted((path for path in others if "/" + path not in seen), key=natural)
    return listed + [tensor(path, file[path]) for path in others]


def keras2(model, path, whole, split):
    """The layout of `.h5` of Keras 2."""
    with h5py.File(path, "w") as file:
        base = file.create_group("model_weights") if whole else file
        kept = [layer for layer in model.layers]
        base.attrs["layer_names"] = np.array([layer.name.encode() for layer in kept])
        base.attrs["backend"] = b"tensorflow"
        base.attrs["keras_version"] = b"2.11.0"
        for layer in kept:
            group = base.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0".encode() for weight in layer.weights]
            if split and len(names) > 1:
                for part in range(0, len(names), 2):
                    group.attrs[f"weight_names{part // 2}"] = np.array(names[part : part + 2])
            else:
                group.attrs["weight_names"] = np.array(names) if names else np.zeros(0)
            for name, weight in zip(names, layer.weights):
                group.create_dataset(name.decode(), data=np.asarray(weight))
        if whole:
            file.attrs["backend"] = b"tensorflow"
            file.attrs["keras_version"] = b"2.11.0"
            file.attrs["model_config"] = json.dumps(keras2_config(model)).encode()
            file.attrs["training_config"] = json.dumps({"loss": "mse"}).encode()
            state = file.create_group("optimizer_weights")
            state.attrs["weight_names"] = np.array([b"Adam/iter:0", b"Adam/m:0"])
            state.create_dataset("Adam/iter:0", data=np.int64(3))
            state.create_dataset("Adam/m:0", data=np.ones((2, 2), "float32"))


def keras2_config(model):
    listed = []
    for layer in model.layers:
        config = {key: value for key, value in layer.get_config().items() if not isinstance(value, dict)}
        listed.append({"class_name": layer.__class__.__name__, "config": config})
    listed[0]["config"]["batch_input_shape"] = [None, *model.input_shape[1:]]
    return {"class_name": "Sequential", "config": {"name": model.name, "layers": listed}}


def keras2_weights(model, path):
    """The layout of the first `.weights.h5`, before layers' names were written."""
    with h5py.File(path, "w") as file:
        counts = {}
        for layer in model.layers:
            kind = keras.src.utils.naming.to_snake_case(layer.__class__.__name__)
            count = counts[kind] = counts.get(kind, -1) + 1
            name = f"{kind}_{count}" if count else kind
            group = file.create_group(f"_layer_checkpoint_dependencies/{name}/vars")
            for i, weight in enumerate(layer.weights):
                group[str(i)] = np.asarray(weight)
        file["optimizer/vars/0"] = np.int64(7)


def any_hdf5(path, libver, random):
    """Datasets of every kind, in the layouts of old and of new groups."""
    with h5py.File(path, "w", libver=libver) as file:
        values = random.uniform(-1, 1, (9, 8))
        group = file.create_group("many")
        for i in range(12):
            group.attrs[f"text{i}"] = f"value {i}"
            group[f"d{i}"] = values[i % 9, :2].astype("float32")
        for kind in ["<f2", "<f4", "<f8", ">f4", ">f8", "<i8", ">i4", "|u1", "|b1"]:
            name = {">": "big", "<": "little", "|": "byte"}[kind[0]]
            file[f"{name}_{kind[1:]}"] = (100 * values[:2, :3]).astype(kind)
        data = values.astype("float32")
        file.create_dataset("gzip", data=data, chunks=(4, 5), compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("single_chunk", data=data, chunks=(9, 8), compression="gzip")
        file.create_dataset("chunks", data=data, chunks=(2, 3))
        file.create_dataset("grows", data=data, chunks=(4, 4), maxshape=(None, 8))
        file.create_dataset("grows_both", data=data, chunks=(4, 4), maxshape=(None, None))
        file.create_dataset("unwritten", (2, 2), "float32")
        file["scalar"] = np.float32(2.5)
        file["empty"] = np.zeros((0, 4), "float32")
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((8,))
        dataset = h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, dcpl=compact)
        dataset.write(space, space, data[0])


def attacks(folder):
    """Files that ask for more than they hold, or lead in circles."""
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / "loops.h5", "w") as file:
        group = file.create_group("a/b")
        group["root"] = file["/"]
        group["parent"] = file["a"]
        group["itself"] = group
        group["soft"] = h5py.SoftLink("/a/b/soft")
        group["kernel"] = np.ones(2, "float32")
    with h5py.File(folder / "unwritten.h5", "w") as file:
        file.create_dataset("kernel", (2**61,), "float32", chunks=(16,))
    with h5py.File(folder / "sparse.h5", "w") as file:
        file.create_dataset("kernel", (10**9,), "float32", chunks=(1,))
    with h5py.File(folder / "bomb.h5", "w") as file:
        kernel = file.create_dataset("kernel", (16,), "float32", chunks=(16,), compression="gzip")
        bomb = zlib.compress(bytes(200_000_000), 9)[:6000]
        kernel.id.write_direct_chunk((0,), bomb)
    with h5py.File(folder / "deep.h5", "w", libver="latest") as file:
        group = file
        for _ in range(70):
            group = group.create_group("a")
    texts = folder / "texts.h5"
    with h5py.File(texts, "w") as file:
        file.attrs["layer_names"] = ["x" * 2000] + ["y"] * 199
    content = texts.read_bytes()
    heap = content.index(b"GCOL").to_bytes(8, "little")
    at = content.index((2000).to_bytes(4, "little") + heap)
    reference = content[at : at + 16]
    texts.write_bytes(content[:at] + reference * 200 + content[at + 3200 :])


def expect(path):
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return tensors(h5py.File(io.BytesIO(archive.read("model.weights.h5"))))
    return tensors(h5py.File(path))


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(4)
    keras.utils.set_random_seed(4)
    expected = {}

    def keep(path, **facts):
        expected[path.name] = {"tensors": expect(path), **facts}

    for name, built in models():
        model = keras.Sequential(built, name=name) if isinstance(built, list) else built
        randomise(model, random)
        facts = runs(model, random)
        path = folder / f"{name}.keras"
        if name == "mlp":
            model.compile("adam", "mse")
            model.train_on_batch(np.zeros((1, 4), "float32"), np.zeros((1, 3), "float32"))
            randomise(model, random)
            facts = runs(model, random)
            model.save_weights(folder / "mlp.weights.h5")
            keep(folder / "mlp.weights.h5")
            model.save(folder / "mlp.h5")
            keep(folder / "mlp.h5", **facts)
            keras2(model, folder / "keras2.h5", whole=True, split=True)
            keep(folder / "keras2.h5", **facts)
            keras2(model, folder / "keras2_weights.h5", whole=False, split=False)
            keep(folder / "keras2_weights.h5")
            keras2_weights(model, folder / "keras2.weights.h5")
            keep(folder / "keras2.weights.h5")
        if name == "bidirectional":
            model.save(folder / f"{name}.h5")
            keep(folder / f"{name}.h5", **facts)
        model.save(path)
        if name != "mlp":
            deflate(path)
        keep(path, **facts)
    bfloat16 = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="bfloat16", name="half")])
    bfloat16.save_weights(folder / "bfloat16.weights.h5")
    keep(folder / "bfloat16.weights.h5")
    any_hdf5(folder / "any.h5", "earliest", random)
    any_hdf5(folder / "any_latest.h5", "latest", random)
    model = zeros_around()
    randomise(model, random)
    facts = runs(model, random)
    model.save(folder / "zeros.keras")
    deflate(folder / "zeros.keras")
    keep(folder / "zeros.keras", **facts)
    keep(folder / "any.h5")
    keep(folder / "any_latest.h5")
    attacks(folder / "attacks")
    lines = [f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in expected.items()]
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def deflate(path):
    """The archive with its members compressed, as zip tools repack it."""
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
