//! The files that there are of each network, and where their architecture comes from.

/// Where the architecture of a file comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// The file carries none; that of `network.json` is given, as a catalog would.
    Given,
    /// The file carries it.
    Carried,
}

use Architecture::{Carried, Given};

type Files = &'static [(&'static str, Architecture)];

/// Every file of every network that is understood.
pub(crate) const EXPECTED: &[(&str, Files)] = &[
    ("mlp", SEQUENTIAL_WITH_WEIGHTS_ALONE),
    ("cnn", SEQUENTIAL_WITH_WEIGHTS_ALONE),
    ("elman", RECURRENT),
    ("lstm", RECURRENT),
    ("gru", RECURRENT_WITH_WEIGHTS_ALONE),
    ("dense_autoencoder", SEQUENTIAL),
    ("conv_autoencoder", SEQUENTIAL),
    ("transformer", TRANSFORMER),
];

/// Chains of modules, which `nn.Sequential` and Keras' `Sequential` hold as they are.
const SEQUENTIAL: Files = &[
    ("dynamo.onnx", Carried),
    ("layers.npy", Given),
    ("legacy.pt", Given),
    ("metadata.safetensors", Carried),
    ("model.h5", Carried),
    ("model.keras", Carried),
    ("module.pt", Carried),
    ("named.npz", Given),
    ("plain.safetensors", Given),
    ("sharded/model.safetensors.index.json", Given),
    ("state_dict.pt", Given),
    ("torchscript.onnx", Carried),
    ("training.pt", Given),
];

/// The same, and files of weights alone as Keras 3 and 2 lay them out.
const SEQUENTIAL_WITH_WEIGHTS_ALONE: Files = &[
    ("dynamo.onnx", Carried),
    ("layers.npy", Given),
    ("legacy.pt", Given),
    ("metadata.safetensors", Carried),
    ("model.h5", Carried),
    ("model.keras", Carried),
    ("model.weights.h5", Given),
    ("module.pt", Carried),
    ("named.npz", Given),
    ("plain.safetensors", Given),
    ("sharded/model.safetensors.index.json", Given),
    ("state_dict.pt", Given),
    ("torchscript.onnx", Carried),
    ("training.pt", Given),
    ("weights_only.h5", Given),
];

/// Modules of a class of their own, whose pickle tells no order.
const RECURRENT: Files = &[
    ("dynamo.onnx", Carried),
    ("layers.npy", Given),
    ("legacy.pt", Given),
    ("metadata.safetensors", Carried),
    ("model.h5", Carried),
    ("model.keras", Carried),
    ("module.pt", Given),
    ("named.npz", Given),
    ("plain.safetensors", Given),
    ("sharded/model.safetensors.index.json", Given),
    ("state_dict.pt", Given),
    ("torchscript.onnx", Carried),
    ("training.pt", Given),
];

/// The same, and files of weights alone as Keras 3 and 2 lay them out.
const RECURRENT_WITH_WEIGHTS_ALONE: Files = &[
    ("dynamo.onnx", Carried),
    ("layers.npy", Given),
    ("legacy.pt", Given),
    ("metadata.safetensors", Carried),
    ("model.h5", Carried),
    ("model.keras", Carried),
    ("model.weights.h5", Given),
    ("module.pt", Given),
    ("named.npz", Given),
    ("plain.safetensors", Given),
    ("sharded/model.safetensors.index.json", Given),
    ("state_dict.pt", Given),
    ("torchscript.onnx", Carried),
    ("training.pt", Given),
    ("weights_only.h5", Given),
];

/// A graph with sums: in Keras many layers, in a list of arrays without names nothing that tells it.
const TRANSFORMER: Files = &[
    ("dynamo.onnx", Carried),
    ("legacy.pt", Given),
    ("metadata.safetensors", Carried),
    ("model.h5", Carried),
    ("model.keras", Carried),
    ("module.pt", Given),
    ("named.npz", Given),
    ("plain.safetensors", Given),
    ("sharded/model.safetensors.index.json", Given),
    ("state_dict.pt", Given),
    ("torchscript.onnx", Carried),
    ("training.pt", Given),
];

/// Modules of a chain that takes images of any size: how large they are is given, as a catalog would.
pub(crate) const OF_ANY_SIZE: &[(&str, &str)] =
    &[("cnn", "module.pt"), ("conv_autoencoder", "module.pt")];
