//! Why a checkpoint becomes no network.
//!
//! [`TranslationError`] is what goes wrong between a description and an architecture;
//! [`ArchitectureError`] adds the file.

use std::path::PathBuf;

use cntflow_formats::CheckpointError;
use cntflow_network::NetworkError;

use crate::recipe::RecipeError;

/// What the translation of a description gives.
pub(crate) type Translated<T> = Result<T, TranslationError>;

/// Why a checkpoint becomes no network.
#[derive(Debug, thiserror::Error)]
pub enum ArchitectureError {
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The file embeds no architecture that can be expressed, and none can be inferred.
    #[error("{path}: no architecture")]
    NoArchitecture {
        /// The file.
        path: PathBuf,
        /// What stands in the way.
        source: Box<TranslationError>,
    },
    /// The architecture that is given, or that lies beside the file or in its metadata, does not
    /// follow the schema.
    #[error("{path}: the architecture in its {origin} does not follow the schema")]
    WrongArchitecture {
        /// The file.
        path: PathBuf,
        /// Where the architecture was found: `catalog`, `sidecar` or `metadata`.
        origin: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The tensors of the checkpoint do not fit the architecture.
    #[error("{path}: the tensors do not fit the architecture")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Which tensor does not fit.
        source: Box<NetworkError>,
    },
    /// A tensor of the architecture cannot be made of the checkpoint's tensors.
    #[error("{path}: the tensors do not fit the architecture")]
    Recipe {
        /// The file.
        path: PathBuf,
        /// Which tensor cannot be made.
        source: Box<RecipeError>,
    },
}

/// Why a description, or a list of tensors, becomes no architecture.
#[derive(Debug, thiserror::Error)]
pub enum TranslationError {
    /// Something that architectures cannot express, or that contradicts itself.
    #[error("{}{reason}", prefix(layer.as_ref()))]
    Unsupported {
        /// The layer, node or module concerned, as messages show it; `None` if the error is about
        /// no single one, or if the caller still has to name it.
        layer: Option<String>,
        /// What cannot be expressed.
        reason: String,
    },
    /// A layer's settings are not those that its class has.
    #[error("{layer}: its settings are not those of its class")]
    Settings {
        /// The layer, with its class.
        layer: String,
        /// Which setting is missing or of another type.
        source: serde_json::Error,
    },
    /// A pickled module lacks an attribute that its class always has.
    #[error("{module} has no attribute {attribute}")]
    MissingAttribute {
        /// The module, with its class.
        module: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// Every layer can be expressed, but together they make no network.
    #[error("its layers cannot be expressed as a network")]
    Network(#[from] NetworkError),
    /// The configuration of a Keras model cannot be expressed.
    #[error("the configuration that Keras wrote cannot be expressed")]
    KerasConfiguration(#[source] Box<Self>),
    /// The file embeds no architecture, and its tensors tell none.
    #[error("none is embedded, and none can be inferred")]
    NotInferred(#[source] Box<Self>),
}

impl TranslationError {
    /// The same error with the layer that it is about, if none is named yet.
    pub(crate) fn at_layer(self, name: impl FnOnce() -> String) -> Self {
        match self {
            Self::Unsupported {
                layer: None,
                reason,
            } => Self::Unsupported {
                layer: Some(name()),
                reason,
            },
            named => named,
        }
    }
}

/// An error about no particular layer, or about one that the caller names by
/// [`TranslationError::at_layer`].
pub(crate) fn unsupported(reason: impl Into<String>) -> TranslationError {
    TranslationError::Unsupported {
        layer: None,
        reason: reason.into(),
    }
}

fn prefix(layer: Option<&String>) -> String {
    layer.map_or_else(String::new, |layer| format!("{layer}: "))
}
