//! The files that there are of each network, and where their architecture comes from.

/// Where the architecture of a file comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// The file carries none; that of `network.json` is given, as a catalog would.
    Given,
    /// The file carries it.
    EmbeddedArchitecture,
}

use Architecture::{EmbeddedArchitecture, Given};

/// A file, and where its architecture comes from.
pub(crate) type File = (&'static str, Architecture);

/// The networks, and what there is of them beside [`EVERY`].
const NETWORKS: [(&str, &[&[File]]); 8] = [
    ("mlp", &[CHAIN, ARRAYS, WEIGHTS_ALONE]),
    ("cnn", &[CHAIN, ARRAYS, WEIGHTS_ALONE]),
    ("elman", &[GRAPH, ARRAYS]),
    ("lstm", &[GRAPH, ARRAYS]),
    ("gru", &[GRAPH, ARRAYS, WEIGHTS_ALONE]),
    ("dense_autoencoder", &[CHAIN, ARRAYS]),
    ("conv_autoencoder", &[CHAIN, ARRAYS]),
    // Of a graph with sums a list of arrays without names tells nothing.
    ("transformer", &[GRAPH]),
];

/// What there is of every network.
const EVERY: &[File] = &[
    ("dynamo.onnx", EmbeddedArchitecture),
    ("legacy.pt", Given),
    ("metadata.safetensors", EmbeddedArchitecture),
    ("model.h5", EmbeddedArchitecture),
    ("model.keras", EmbeddedArchitecture),
    ("named.npz", Given),
    ("plain.safetensors", Given),
    ("sharded/model.safetensors.index.json", Given),
    ("state_dict.pt", Given),
    ("torchscript.onnx", EmbeddedArchitecture),
    ("training.pt", Given),
];

/// The module that `nn.Sequential` is.
const CHAIN: &[File] = &[
    ("module.pt", EmbeddedArchitecture),
    ("module_legacy.pt", EmbeddedArchitecture),
];

/// A module of a class of its own, whose pickle tells no order.
const GRAPH: &[File] = &[("module.pt", Given), ("module_legacy.pt", Given)];

/// Arrays in turn, without names.
const ARRAYS: &[File] = &[("layers.npy", Given)];

/// Weights alone as Keras 3 and 2 lay them out.
const WEIGHTS_ALONE: &[File] = &[("model.weights.h5", Given), ("weights_only.h5", Given)];

/// Every file of every network.
pub(crate) fn expected() -> impl Iterator<Item = (&'static str, File)> {
    NETWORKS.into_iter().flat_map(|(network, more)| {
        let files = EVERY.iter().chain(more.iter().copied().flatten());
        files.map(move |&file| (network, file))
    })
}

/// Modules of a chain that takes images of any size: how large they are is given, as a catalog
/// would.
pub(crate) const OF_ANY_SIZE: &[(&str, &str)] = &[
    ("cnn", "module.pt"),
    ("cnn", "module_legacy.pt"),
    ("conv_autoencoder", "module.pt"),
    ("conv_autoencoder", "module_legacy.pt"),
];
