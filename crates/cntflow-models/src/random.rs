//! What random streams of this crate are for.

/// What a stream is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The bootstrap sample and the nodes of one tree.
    Tree = 1,
    /// Which rows are left out where a model takes no more.
    RowLimit = 2,
}
