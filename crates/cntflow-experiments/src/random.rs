//! What random streams of this crate are for.

/// What a stream is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Which groups are in the test set.
    TestSet = 1,
    /// Which groups are in which fold.
    Folds = 2,
    /// The fits.
    Fit = 3,
    /// Which training groups the points of a learning curve are fitted to.
    LearningCurve = 4,
}
