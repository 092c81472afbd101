//! Nodes with a kernel: what each is as a layer of links.

use cntflow_network::Activation;

use super::track::{NeuronAxis, Track};
use super::wiring::ValueId;
use crate::onnx::recurrent::RecurrentWeights;
use crate::recipe::TensorRecipe;

/// A node with a kernel, and what belongs to it behind it.
pub(super) struct Link<'m> {
    /// Its step.
    pub(super) step: usize,
    /// The value of the data that it takes; `None` if nothing before it makes that.
    pub(super) data: Option<ValueId>,
    /// Where the neurons of that data must stand.
    pub(super) takes: Track,
    /// Names of its tensors.
    pub(super) names: Vec<&'m str>,
    pub(super) kind: Kind<'m>,
    /// The value that it gives, its bias added.
    pub(super) output: ValueId,
    /// Where its neurons stand in that; `None` if that cannot be told.
    pub(super) gives: Option<Track>,
}

/// What a node with a kernel is.
#[derive(Clone)]
pub(super) enum Kind<'m> {
    Dense {
        /// `[units, n_in]`.
        weight: TensorRecipe,
        bias: Option<TensorRecipe>,
        units: usize,
    },
    Convolution(Convolution),
    Recurrent {
        weights: RecurrentWeights<'m>,
        bidirectional: bool,
        activation: Option<Activation>,
    },
    Embedding {
        /// `[tokens, units]`.
        weight: TensorRecipe,
        tokens: usize,
        units: usize,
    },
    BatchNorm {
        /// Scale, shift, mean and variance.
        tensors: Box<[TensorRecipe; 4]>,
        epsilon: f64,
    },
    LayerNorm {
        scale: TensorRecipe,
        shift: Option<TensorRecipe>,
        epsilon: f64,
    },
    GroupNorm {
        scale: TensorRecipe,
        shift: TensorRecipe,
        groups: usize,
        epsilon: f64,
    },
    /// A pooling, which has no weights: it is part of the network only between two kernels.
    Pool(Pool),
}

/// A convolution or a transposed one.
#[derive(Clone)]
pub(super) struct Convolution {
    pub(super) weight: TensorRecipe,
    pub(super) bias: Option<TensorRecipe>,
    pub(super) filters: usize,
    /// Columns, or rows and columns. Those of three dimensions have the first two as rows.
    pub(super) kernel: Vec<usize>,
    pub(super) groups: usize,
    pub(super) is_transposed: bool,
}

/// What a pooling does.
#[derive(Clone)]
pub(super) struct Pool {
    pub(super) is_max: bool,
    /// Columns, or rows and columns; `None` for all places.
    pub(super) window: Option<Vec<usize>>,
}

/// What the neurons of a layer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Channels with their places.
    Channels,
    /// Units, or the units of each step of a sequence.
    Units,
}

impl Kind<'_> {
    /// What its neurons are; `None` if they are what it takes.
    pub(super) fn form(&self) -> Option<Form> {
        match self {
            Self::Convolution(_) | Self::GroupNorm { .. } | Self::Pool(_) => Some(Form::Channels),
            Self::Dense { .. } | Self::Recurrent { .. } | Self::Embedding { .. } => {
                Some(Form::Units)
            }
            Self::BatchNorm { .. } | Self::LayerNorm { .. } => None,
        }
    }

    /// Whether it can take neurons of this form that stand as `track` says.
    pub(super) fn accepts(&self, form: Form, track: Track) -> bool {
        match (self, form) {
            (Self::Embedding { .. }, _) => false,
            (Self::Convolution(_) | Self::GroupNorm { .. } | Self::Pool(_), form) => {
                form == Form::Channels
            }
            // There is no batch norm over the steps of a sequence.
            (Self::BatchNorm { .. }, Form::Units) => track.is_alone,
            (Self::LayerNorm { .. }, form) => form == Form::Units,
            _ => true,
        }
    }

    pub(super) fn is_pool(&self) -> bool {
        matches!(self, Self::Pool(_))
    }

    pub(super) fn is_norm(&self) -> bool {
        matches!(
            self,
            Self::BatchNorm { .. } | Self::LayerNorm { .. } | Self::GroupNorm { .. }
        )
    }
}

impl Track {
    /// Neurons of data whose axis is not looked at: the tokens of an embedding.
    pub(super) fn anywhere() -> Self {
        Self {
            rank: None,
            axis: NeuronAxis::Back(usize::MAX),
            n: 1,
            is_alone: false,
        }
    }
}
