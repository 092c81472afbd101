//! What is known of the values within an Elman layer that an exporter has unrolled.

use cntflow_network::Activation;

use super::kernel::Kernel;
use super::strided_view::Factor;
use super::weight::Weight;

/// What is computed at every step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UnrolledCell<'a> {
    /// Index of the projection that gives the inputs of all steps.
    pub(super) projection: usize,
    /// Kernel and bias that the state is multiplied with. `None` after a first step that the
    /// exporter has folded: the product of the kernel with the zero state is gone, only the bias is
    /// left (`first_bias`).
    pub(super) state_kernel: Option<Kernel<'a>>,
    /// The bias that such a first step adds.
    pub(super) first_bias: Option<Weight<'a>>,
    /// Activation; unknown before the first step ends.
    pub(super) activation: Option<Activation>,
}

/// The state after some steps.
#[derive(Clone, Debug)]
pub(super) struct UnrolledState<'a> {
    pub(super) cell: UnrolledCell<'a>,
    /// Number of steps.
    pub(super) steps: i64,
    pub(super) dims: Vec<Vec<Factor>>,
}

/// The product of a kernel with the state before a step.
#[derive(Clone, Debug)]
pub(super) struct StateProduct<'a> {
    /// The state; `None` for the zeros before the first step.
    pub(super) state: Option<UnrolledState<'a>>,
    pub(super) kernel: Kernel<'a>,
    pub(super) dims: Vec<Vec<Factor>>,
}
