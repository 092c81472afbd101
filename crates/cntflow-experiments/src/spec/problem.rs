//! What may be wrong with a value of an `[[experiment]]` section.

/// What is wrong with a value of an `[[experiment]]` section.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecProblem {
    /// The name cannot be the name of a folder.
    #[error("`{found}` cannot be the name of a folder")]
    Name {
        /// The name in the study file.
        found: String,
    },
    /// A list is empty.
    #[error("at least one name is needed")]
    Empty,
    /// A count is too small.
    #[error("at least {least}, found {found}")]
    TooSmall {
        /// The smallest count allowed.
        least: usize,
        /// The count in the study file.
        found: usize,
    },
    /// A share is not strictly between 0 and 1.
    #[error("above 0 and below 1, found {found}")]
    NotBetweenZeroAndOne {
        /// The share in the study file.
        found: f64,
    },
    /// A number is not above its least value.
    #[error("`{key}` must be a finite number above {least}, found {found}")]
    NotAbove {
        /// The key.
        key: &'static str,
        /// What it must exceed.
        least: f64,
        /// The number in the study file.
        found: f64,
    },
    /// The classes of the target are not known before the test set is set aside.
    #[error(
        "needs classes that no network has to be seen for: classes = \"values\" or rule = {{ absolute = [low, high] }}"
    )]
    MatchedTarget,
    /// The keys of a transfer.
    #[error("either `column`, with or without `from`, or `train` and `test`")]
    TransferKeys,
    /// An experiment that stands for one experiment per value of a column.
    #[error("stands for one experiment for each value of `{column}`; it names none")]
    NotExpanded {
        /// The column.
        column: String,
    },
    /// The two quantiles of a rule are out of range or in the wrong order.
    #[error("quantiles must be two numbers in [0, 1], the lower one first; found [{low}, {high}]")]
    Quantiles {
        /// The first quantile.
        low: f64,
        /// The second quantile.
        high: f64,
    },
    /// The two thresholds of a rule are not finite or in the wrong order.
    #[error("absolute must be two finite numbers, the lower one first; found [{low}, {high}]")]
    Absolute {
        /// The first threshold.
        low: f64,
        /// The second threshold.
        high: f64,
    },
    /// Keys of the target exclude each other.
    #[error("`{first}` and `{second}` exclude each other")]
    Exclusive {
        /// A key.
        first: &'static str,
        /// Another key.
        second: &'static str,
    },
    /// The number of classes is missing.
    #[error("classes = \"quantiles\" needs n, the number of classes, at least 2")]
    NumberOfClasses,
    /// A key does not belong to this kind of target.
    #[error("`{key}` has no meaning for this target")]
    Meaningless {
        /// The key.
        key: &'static str,
    },
    /// The label that is to be predicted is also a feature.
    #[error("`{column}` is the label to be predicted")]
    PredictsItself {
        /// The label column.
        column: String,
    },
    /// A model of another kind of target.
    #[error("`{model}` cannot predict a target of the kind {target}")]
    ModelOfOtherTarget {
        /// The model.
        model: &'static str,
        /// The kind of the target.
        target: &'static str,
    },
    /// A name that is no feature set.
    #[error("`{found}` is no feature set; there are {}", known.join(", "))]
    FeatureSet {
        /// The name in the study file.
        found: String,
        /// All names.
        known: Vec<&'static str>,
    },
    /// A comparison names features or a twin that the experiment does not have.
    #[error("`{choice}` is neither among `features` nor a twin of `controls`")]
    UnknownChoice {
        /// The choice in the study file.
        choice: String,
    },
    /// A comparison is not written as `"a > b"`.
    #[error("`{found}` is not a comparison such as \"cnt > tensor_7\"")]
    Comparison {
        /// The text in the study file.
        found: String,
    },
    /// A list names something twice. Its rows would count twice.
    #[error("`{found}` is named twice")]
    Repeated {
        /// What is named twice.
        found: String,
    },
    /// A choice is compared with itself.
    #[error("`{found}` is compared with itself")]
    ComparedWithItself {
        /// The choice.
        found: String,
    },
    /// A difference leaves no feature set.
    #[error("`{found}` leaves nothing")]
    LeavesNothing {
        /// The difference in the study file.
        found: String,
    },
}
