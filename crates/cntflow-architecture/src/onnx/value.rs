//! What is known of a value of the graph.

use super::attention_values::Scores;
use super::flow::Flow;
use super::recurrence_values::{StateProduct, UnrolledState};
use super::strided_view::StridedView;
use super::symbolic::SymbolicInt;
use super::weight::Weight;

/// A value of the graph, as far as its meaning is known.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// Data on its way from the input to the output.
    Flow(Flow),
    /// Values of the file.
    Weight(Weight<'a>),
    /// Whole numbers that shapes and indices are made of.
    Integers(Vec<SymbolicInt>),
    /// A real number: part of the scale of an attention, or of a composed activation.
    Real(f64),
    /// Zeros of these sizes.
    Zeros(Vec<SymbolicInt>),
    /// Data whose axes are split or merged, or that is part of an attention or a recurrence.
    View(StridedView),
    /// Products of queries and keys.
    Scores(Scores),
    /// The softmax of scores.
    AttentionWeights(Scores),
    /// A learned vector, repeated for every input of the batch.
    RepeatedWeight(Weight<'a>),
    /// The product of a recurrence's kernel with the state before a step.
    StateProduct(StateProduct<'a>),
    /// The same with the step's own input added, before the activation.
    StateSum(UnrolledState<'a>),
    /// The state of a recurrence after a step.
    State(UnrolledState<'a>),
    /// A value within an operation that is written as several nodes, and that has been translated
    /// as a whole.
    Absorbed,
}
