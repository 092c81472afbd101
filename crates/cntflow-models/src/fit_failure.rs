//! Why a model could not be fitted.

/// Why a fit failed. Its text may become the reason of a row in a table.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitFailure {
    /// There is nothing to learn from.
    #[error("there are no training rows")]
    NoRows,
    /// Features, targets and groups must have one entry per row each.
    #[error("features have {features} rows, targets {targets}, groups {groups}")]
    LengthsDiffer {
        /// Rows of the features.
        features: usize,
        /// Number of targets.
        targets: usize,
        /// Number of groups.
        groups: usize,
    },
    /// A class index must be below the number of classes.
    #[error("class {class} does not exist: there are {n_classes} classes")]
    ClassOutOfRange {
        /// The class of a row.
        class: u32,
        /// Number of classes.
        n_classes: u32,
    },
    /// More classes than any model takes.
    #[error("{n_classes} classes are more than {limit}")]
    TooManyClasses {
        /// Number of classes.
        n_classes: u32,
        /// Largest number of classes.
        limit: u32,
    },
    /// A target is NaN or infinite.
    #[error("a target is not finite")]
    TargetNotFinite,
    /// A score to be calibrated is NaN or infinite.
    #[error("a score is not finite")]
    ScoreNotFinite,
    /// Classifiers are fitted to classes, regressions to values.
    #[error("{model} is not fitted to targets of this kind")]
    WrongTargets {
        /// Name of the model's kind.
        model: &'static str,
    },
    /// Every column is constant or empty among the training rows.
    #[error("no feature varies among the training rows")]
    NoVaryingFeature,
    /// A classifier needs rows of two classes.
    #[error("all training rows are of one class")]
    OneClass,
    /// A regression needs targets that vary.
    #[error("all training rows have the same target")]
    OneValue,
    /// No feature separates the classes better than chance.
    #[error("no feature separates the classes better than chance")]
    NoUsefulSplit,
    /// A hyperparameter is outside of its range.
    #[error("{name} = {value} is outside of its range")]
    Hyperparameter {
        /// Name of the hyperparameter.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Numbers overflowed in the fit.
    #[error("the coefficients are not finite")]
    CoefficientsNotFinite,
    /// An iterative fit ended too far from its optimum.
    #[error("no convergence within {iterations} iterations")]
    NoConvergence {
        /// Largest number of iterations.
        iterations: usize,
    },
}
