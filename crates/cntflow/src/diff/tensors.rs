//! Two tensors that belong together: their values, and how these differ.

use std::borrow::Cow;

use cntflow_architecture::ArchitectureError;
use cntflow_formats::Element;
use cntflow_metrics::ValuesChange;
use cntflow_metrics::population::{Comparison, Density, SampleSummary};

use super::pairs::{OneTensor, Pair, Source};
use super::side::DiffSide;

/// How a tensor of one checkpoint differs from that of the other.
#[derive(Debug)]
pub(crate) struct TensorDiff {
    /// Its name in the network of A, or in the file without prefixes of wrappers.
    pub(crate) name: String,
    /// `kernel of fc1` and the like; `None` where no network uses it.
    pub(crate) used_as: Option<String>,
    /// Why no network uses it.
    pub(crate) reason: Option<String>,
    /// Its shape in A and in B.
    pub(crate) shapes: [Option<Vec<usize>>; 2],
    /// What of it has changed.
    pub(crate) change: Change,
}

/// What of a tensor has changed.
#[derive(Debug)]
pub(crate) enum Change {
    /// Nothing: all values have the same bits. Of weights, with their norms.
    Same(Option<ValuesChange>),
    /// Some weights.
    Weights(Box<WeightsDiff>),
    /// Elements that are no weights, such as counters: numbers of them would say nothing.
    Elements,
    /// B has no such tensor.
    OnlyInA,
    /// A has no such tensor.
    OnlyInB,
    /// Both have it, in other shapes.
    OtherShape,
}

/// How weights have changed.
#[derive(Debug)]
pub(crate) struct WeightsDiff {
    /// Entry by entry.
    pub(crate) values: ValuesChange,
    /// As distributions.
    pub(crate) distributions: Comparison,
}

impl TensorDiff {
    /// The change of its values, if it has weights in both.
    pub(super) fn values(&self) -> Option<&ValuesChange> {
        match &self.change {
            Change::Same(values) => values.as_ref(),
            Change::Weights(diff) => Some(&diff.values),
            _ => None,
        }
    }
}

impl Change {
    /// The name in tables and in JSON.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Same(_) => "same",
            Self::Weights(_) | Self::Elements => "changed",
            Self::OnlyInA => "only in A",
            Self::OnlyInB => "only in B",
            Self::OtherShape => "other shape",
        }
    }
}

/// Compares a pair of tensors.
///
/// # Errors
/// One cannot be read.
pub(super) fn compare(
    pair: &Pair<'_>,
    sides: &[DiffSide; 2],
) -> Result<TensorDiff, ArchitectureError> {
    let change = match pair {
        [Some(a), Some(b)] if a.shape == b.shape => change([a, b], sides)?,
        [Some(_), Some(_)] => Change::OtherShape,
        [_, None] => Change::OnlyInA,
        [None, _] => Change::OnlyInB,
    };
    let either = || pair.iter().flatten();
    Ok(TensorDiff {
        name: either()
            .map(|tensor| tensor.name.clone())
            .next()
            .unwrap_or_default(),
        used_as: either().find_map(|tensor| tensor.used_as.clone()),
        reason: either().find_map(|tensor| tensor.reason.clone()),
        shapes: pair
            .each_ref()
            .map(|tensor| tensor.as_ref().map(|tensor| tensor.shape.clone())),
        change,
    })
}

/// The values of a tensor.
enum Values<'v> {
    Weights(Cow<'v, [f32]>),
    /// Elements of a type that is not read as weights.
    Others(Element, Cow<'v, [u8]>),
}

fn change(
    [a, b]: [&OneTensor<'_>; 2],
    [side_a, side_b]: &[DiffSide; 2],
) -> Result<Change, ArchitectureError> {
    Ok(match (values(a, side_a)?, values(b, side_b)?) {
        (Values::Weights(a), Values::Weights(b)) => {
            let values = ValuesChange::between(&a, &b);
            if values.changed == 0 {
                Change::Same(Some(values))
            } else {
                let distributions = compare_distributions(&a, &b);
                Change::Weights(Box::new(WeightsDiff {
                    values,
                    distributions,
                }))
            }
        }
        (Values::Others(a, in_a), Values::Others(b, in_b)) if a == b && in_a == in_b => {
            Change::Same(None)
        }
        _ => Change::Elements,
    })
}

fn values<'v>(tensor: &OneTensor<'_>, side: &'v DiffSide) -> Result<Values<'v>, ArchitectureError> {
    match &tensor.source {
        Source::Network(resolved, spec) => {
            let tensor = resolved.tensor(&side.checkpoint, spec)?;
            Ok(Values::Weights(tensor.values))
        }
        Source::File(entry) => {
            let (element, elements) = side.checkpoint.elements(&entry.name)?;
            if !element.is_real() {
                return Ok(Values::Others(element, elements));
            }
            let values = side.checkpoint.values(&entry.name)?;
            Ok(Values::Weights(values))
        }
    }
}

/// Divergences of the weights' densities, and their distance. All finite values of each count.
fn compare_distributions(a: &[f32], b: &[f32]) -> Comparison {
    let summary = |values: &[f32]| -> SampleSummary {
        values.iter().map(|&value| f64::from(value)).collect()
    };
    let (a, b) = rayon::join(
        || {
            let sample = summary(a);
            (Density::of(&sample), sample)
        },
        || {
            let sample = summary(b);
            (Density::of(&sample), sample)
        },
    );
    Comparison::of([&a.1, &b.1], [&a.0, &b.0])
}
