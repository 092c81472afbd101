"""What Keras and numpy write of a network: the weights are torch's, in Keras' layouts."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from keras.src.legacy.saving import legacy_h5_format  # noqa: E402

RECURRENT = {"elman": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}
# Whose files hold an optimizer's state too, and of which files of weights alone are made: HDF5
# files are large for what they hold.
TRAINED = ("cnn",)
# What is no chain of kernels and biases, which lists of arrays without names are.
GRAPHS = ("transformer",)
WEIGHTS_ALONE = ("mlp", "cnn", "gru")
# Largest difference between the outputs of torch and Keras, relative to the largest output.
TOLERANCE = 1e-5


def write(network, folder):
    arrays = {name: tensor.numpy() for name, tensor in network.module.state_dict().items()}
    np.savez(folder / "named.npz", **arrays)
    model = model_of(network.architecture)
    tensors = {keras_name(name): tensor for name, tensor in network.tensors.items()}
    weights = [array for layer in model.layers for array in keras_weights(layer, tensors)]
    model.set_weights(weights)
    if network.name in TRAINED:
        train_one_step(model, network)
        model.set_weights(weights)
    check(model, network)
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    if network.name in WEIGHTS_ALONE:
        model.save_weights(folder / "model.weights.h5")
        with h5py.File(folder / "weights_only.h5", "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    if network.name not in GRAPHS:
        np.save(folder / "layers.npy", object_array(model.get_weights()))


def model_of(architecture):
    """The architecture as a Keras model: `Sequential`, and of a transformer, which Keras has no layer for, a graph of layers."""
    keras.backend.clear_session()
    described, shape = architecture["layers"], architecture["input"]
    if described[0]["kind"] == "transformer_encoder":
        return transformer(described, shape)
    made = [keras_layer(layer) for layer in described if layer["kind"] != "take_step"]
    shape = [*shape[1:], shape[0]] if len(shape) == 3 else shape
    return keras.Sequential([keras.Input(shape), *(part for parts in made for part in parts)])


def transformer(described, shape):
    """Encoder blocks with norms behind the sums, the mean of the steps, a dense layer."""
    *blocks, _, head = described
    at = inputs = keras.Input(shape)
    for block in blocks:
        name, units = keras_name(block["name"]), shape[-1]
        attention = layers.MultiHeadAttention(block["heads"], units // block["heads"], name=f"{name}_self_attn")
        at = layers.Add(name=f"{name}_sum1")([at, layers.Dropout(0.1)(attention(at, at))])
        at = normed = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm1")(at)
        at = layers.Dense(block["feed_forward"], activation="relu", name=f"{name}_linear1")(at)
        at = layers.Dense(units, name=f"{name}_linear2")(at)
        at = layers.Add(name=f"{name}_sum2")([normed, at])
        at = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm2")(at)
    at = layers.GlobalAveragePooling1D()(at)
    return keras.Model(inputs, layers.Dense(head["units"], name=head["name"])(at))


def keras_name(name):
    """A name as layers of Keras may have it."""
    return name.replace(".", "_")


def keras_layer(layer):
    """The layers of Keras for one of an architecture."""
    kind, name, activation = layer["kind"], layer["name"], layer.get("activation")
    match kind:
        case "dense":
            return [layers.Dense(layer["units"], activation=activation, name=name)]
        case "conv2d" | "conv_transpose2d":
            made = layers.Conv2D if kind == "conv2d" else layers.Conv2DTranspose
            padding = "same" if layer.get("padding") else "valid"
            options = {"strides": layer.get("stride", [1, 1]), "padding": padding, "activation": activation, "name": name}
            return [made(layer["filters"], layer["kernel"], **options)]
        case "batch_norm":
            return [layers.BatchNormalization(epsilon=1e-5, name=name), layers.Activation(activation)]
        case "max_pool2d":
            return [layers.MaxPooling2D(layer["window"], name=name)]
        case "global_average_pool":
            return [layers.GlobalAveragePooling2D(name=name)]
        case "elman" | "lstm" | "gru":
            return [RECURRENT[kind](layer["units"], name=name)]
    raise ValueError(f"no layer of Keras for {kind}")


def keras_weights(layer, tensors):
    """The weights of a layer in Keras' order and layouts."""
    def tensor(what):
        return tensors[keras_name(f"{layer.name}.{what}")].numpy()

    match layer:
        case layers.MultiHeadAttention():
            return attention_weights(layer, tensor)
        case layers.Dense():
            return [tensor("weight").T, tensor("bias")]
        case layers.Conv2D() | layers.Conv2DTranspose():
            return [tensor("weight").transpose(2, 3, 1, 0), tensor("bias")]
        case layers.LayerNormalization():
            return [tensor("weight"), tensor("bias")]
        case layers.BatchNormalization():
            return [tensor(what) for what in ("weight", "bias", "running_mean", "running_var")]
        case layers.GRU():
            kernel, recurrent = (update_gate_first(tensor(what)).T for what in ("weight_ih_l0", "weight_hh_l0"))
            return [kernel, recurrent, np.stack([update_gate_first(tensor(what)) for what in ("bias_ih_l0", "bias_hh_l0")])]
        case layers.SimpleRNN() | layers.LSTM():
            return [tensor("weight_ih_l0").T, tensor("weight_hh_l0").T, tensor("bias_ih_l0")]
    return []


def attention_weights(layer, tensor):
    """Kernels and biases of query, key, value and output, by heads."""
    units, heads = tensor("out_proj.weight").shape[0], layer.num_heads
    weights = []
    for kernel, bias in zip(np.split(tensor("in_proj_weight"), 3), np.split(tensor("in_proj_bias"), 3)):
        weights += [kernel.T.reshape(units, heads, -1), bias.reshape(heads, -1)]
    return [*weights, tensor("out_proj.weight").T.reshape(heads, -1, units), tensor("out_proj.bias")]


def update_gate_first(rows):
    """Gates of a GRU from torch's order r, z, n to Keras' z, r, h."""
    reset, update, new = np.split(rows, 3)
    return np.concatenate([update, reset, new])


def channels_last(values):
    return np.moveaxis(values, 1, -1) if values.ndim == 4 else values


def channels_first(values):
    return np.moveaxis(values, -1, 1) if values.ndim == 4 else values


def train_one_step(model, network):
    """So that the optimizer has a state, which is saved beside the weights and is not to be taken for them."""
    model.compile(optimizer=keras.optimizers.Adam(), loss="mse")
    inputs = channels_last(network.inputs.numpy())
    model.train_on_batch(inputs, np.zeros_like(model.predict_on_batch(inputs)))


def check(model, network):
    """Torch and Keras give the same outputs, so the weights are where they belong."""
    found = channels_first(model.predict_on_batch(channels_last(network.inputs.numpy())))
    expected = network.module(network.inputs).detach().numpy()
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    if difference > TOLERANCE:
        raise SystemExit(f"{network.name}: the outputs of Keras differ from torch's by {difference}")


def object_array(weights):
    """Kernels and biases, alternating, as an array of objects: what `np.save` made of `model.get_weights()` for CNT-DNNs."""
    objects = np.empty(len(weights), dtype=object)
    objects[:] = weights
    return objects
