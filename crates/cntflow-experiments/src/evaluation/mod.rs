//! Evaluation: fits as tasks, the choice among them, and what the held-out groups say.
//!
//! A *candidate* is a feature set with a kind of model. Cross-validation among the training groups
//! chooses each candidate's setting and each feature set's model. Every candidate is then fitted
//! once to all training rows and looks once at the test set.

mod candidate;
mod choice;
mod comparison;
mod controls;
#[expect(clippy::module_inception, reason = "the module's main type")]
mod evaluation;
mod experiment;
mod figure;
mod fit;
mod fit_row;
mod judged;
mod learning_curve;
mod scores;
mod stopping;
mod transfer;
mod verdicts;

pub use candidate::Candidate;
pub use choice::{Choices, ChosenSetting};
pub use controls::ControlRow;
pub use evaluation::Evaluation;
pub use experiment::{Experiment, Inputs};
pub(crate) use figure::Truth;
pub use fit_row::{FitRow, FitTask};
pub use learning_curve::CurveRow;
pub use scores::{MIN_CLASS_IN_STRATUM, MIN_NETWORKS_IN_STRATUM, ScoreRow, WHOLE_POPULATION};
pub use stopping::StoppingRow;
pub use transfer::TransferRow;
pub use verdicts::{Family, Finding, Verdict};
