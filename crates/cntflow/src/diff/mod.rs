//! Two checkpoints side by side: what of the second is other than in the first.

mod layers;
mod pairs;
mod side;
mod tensors;

use cntflow_architecture::ArchitectureError;
use cntflow_metrics::ValuesChange;

pub(crate) use layers::{LayerDiff, LayersDiff};
pub(crate) use pairs::MatchedBy;
pub(crate) use side::DiffSide;
pub(crate) use tensors::{Change, TensorDiff};

/// How two checkpoints differ.
pub(crate) struct CheckpointDiff {
    /// The checkpoints A and B.
    pub(crate) sides: [DiffSide; 2],
    /// How tensors of both were found to belong together.
    pub(crate) matched_by: MatchedBy,
    /// Every tensor of either: those of A in their order, then those that B alone has.
    pub(crate) tensors: Vec<TensorDiff>,
    /// The change of all weights together that both have.
    pub(crate) whole: ValuesChange,
    /// The layers of neurons, or why they are not compared.
    pub(crate) layers: Result<LayersDiff, String>,
}

impl CheckpointDiff {
    /// Compares B with A. One tensor of each is in memory at a time, and for the strengths of
    /// neurons one network after the other.
    ///
    /// # Errors
    /// A tensor cannot be read, a file has changed meanwhile, or an architecture that is given does
    /// not fit its file.
    pub(crate) fn between(a: DiffSide, b: DiffSide) -> Result<Self, ArchitectureError> {
        let sides = [a, b];
        let (pairs, matched_by) = pairs::pairs(&sides);
        let tensors = pairs
            .iter()
            .map(|pair| tensors::compare(pair, &sides))
            .collect::<Result<Vec<_>, _>>()?;
        let layers = layers::compare(&sides);
        for side in &sides {
            side.checkpoint.check_unchanged()?;
        }
        let of_weights = tensors.iter().filter(|tensor| tensor.used_as.is_some());
        let whole = of_weights
            .filter_map(TensorDiff::values)
            .fold(ValuesChange::default(), |whole, one| whole.with(one));
        Ok(Self {
            sides,
            matched_by,
            tensors,
            whole,
            layers,
        })
    }
}
