//! Why a classifier could not be fitted.

/// Why a fit failed. Its text becomes the reason of a row in the table `discrimination`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FitFailure {
    #[error("no feature varies among the training rows")]
    NoVaryingFeature,
    #[error("all training rows are of one class")]
    OneClass,
    #[error("values beyond {limit} are too large for the line search")]
    ValuesTooLarge { limit: f64 },
    #[error("the line search did not leave its start")]
    LineSearchStuck,
    #[error("the coefficients are not finite")]
    CoefficientsNotFinite,
    #[error("panicked: {message}")]
    Panicked { message: String },
    #[error(transparent)]
    Logistic(#[from] linfa_logistic::error::Error),
    #[error(transparent)]
    Svm(#[from] linfa_svm::SvmError),
    #[error(transparent)]
    Tree(#[from] linfa::Error),
}
