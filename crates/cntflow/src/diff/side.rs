//! One of two checkpoints that are compared.

use cntflow_architecture::{
    ArchitectureError, Coverage, ResolvedArchitecture, resolve_architecture,
};
use cntflow_formats::OpenCheckpoint;

/// One of the two checkpoints.
pub(crate) struct DiffSide {
    /// The open checkpoint.
    pub(crate) checkpoint: OpenCheckpoint,
    /// Its architecture, or why it has none.
    pub(crate) resolved: Result<ResolvedArchitecture, ArchitectureError>,
    /// The use of every tensor.
    pub(super) coverage: Vec<Coverage>,
}

impl DiffSide {
    /// Decides on the architecture of a checkpoint.
    ///
    /// # Errors
    /// An architecture that is given does not follow the schema.
    pub(crate) fn new(checkpoint: OpenCheckpoint) -> Result<Self, ArchitectureError> {
        match resolve_architecture(&checkpoint, None) {
            (Err(error @ ArchitectureError::WrongArchitecture { .. }), _) => Err(error),
            (resolved, coverage) => Ok(Self {
                checkpoint,
                resolved,
                coverage,
            }),
        }
    }
}
