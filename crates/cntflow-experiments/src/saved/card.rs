//! The model card: what a reader must know before a model is used.

use cntflow_models::exact_floats;
use cntflow_statistics::{Comparison, Estimate};
use serde::{Deserialize, Serialize};

use crate::population::PopulationCounts;
use crate::spec::CheckpointSelection;

/// What a model is, of which population, and how well it does on held-out groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The experiment.
    pub experiment: String,
    /// Version of the program that trained the model.
    pub program_version: String,
    /// Kind of the model, such as `random_forest`.
    pub model: String,
    /// Its hyperparameters, such as `ridge=1`.
    pub setting: String,
    /// What the fit did otherwise than asked.
    pub note: Option<String>,
    /// The condition over the table `networks`.
    pub condition: Option<String>,
    /// Which checkpoints of a run took part.
    pub checkpoints: CheckpointSelection,
    /// How many networks there were, and why others were left out.
    pub counts: PopulationCounts,
    /// The networks that the model was fitted to.
    pub training: NetworkCounts,
    /// The held-out networks that it was judged on.
    pub held_out: NetworkCounts,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// The figures on held-out groups, the primary one first. Of two classes, the last ones are
    /// those of the calibrated probability: `brier`, `log_loss` and `calibration_error`.
    pub figures: Vec<NamedFigure>,
    /// The primary figure in the cross-validation that chose the model and its setting.
    pub validation: NamedFigure,
    /// Baselines, and the twins of the same networks.
    pub rivals: Vec<Rival>,
}

/// Networks, their groups and classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkCounts {
    /// Number of networks.
    pub networks: usize,
    /// Number of groups.
    pub groups: usize,
    /// Networks of each class; empty for numbers.
    pub classes: Vec<ClassCount>,
}

/// Networks of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// Its networks.
    pub networks: usize,
}

/// A figure with its interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedFigure {
    /// Its name, as in the table `scores`.
    pub name: String,
    /// The value, then the ends of its interval; NaN where there is none.
    #[serde(with = "exact_floats")]
    pub value_and_interval: Vec<f64>,
}

/// Another feature choice that the model was compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rival {
    /// The features, such as `tensor_7`, or `cnt@shuffle` for a twin.
    pub features: String,
    /// Kind of its model.
    pub model: String,
    /// Its primary figure on held-out groups.
    pub figure: NamedFigure,
    /// This model's figure less that one, where the two were compared.
    pub difference: Option<NamedFigure>,
    /// What the comparison shows, such as `above (primary, p = 0.0012)`.
    pub finding: Option<String>,
}

impl NamedFigure {
    pub(super) fn of_estimate(name: &str, estimate: &Estimate) -> Self {
        let value_and_interval = vec![estimate.value, estimate.low, estimate.high];
        Self::new(name, value_and_interval)
    }

    pub(super) fn of_difference(comparison: &Comparison) -> Self {
        let Comparison {
            difference,
            low,
            high,
            ..
        } = *comparison;
        Self::new("difference", vec![difference, low, high])
    }

    pub(super) fn without_interval(name: &str, value: f64) -> Self {
        Self::new(name, vec![value, f64::NAN, f64::NAN])
    }

    fn new(name: &str, value_and_interval: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            value_and_interval,
        }
    }

    /// The value.
    pub fn value(&self) -> f64 {
        self.value_and_interval[0]
    }

    /// The ends of the interval, if there is one.
    pub fn interval(&self) -> Option<[f64; 2]> {
        let ends = [self.value_and_interval[1], self.value_and_interval[2]];
        ends.iter().all(|end| !end.is_nan()).then_some(ends)
    }
}

impl ModelCard {
    /// All figures, those of the rivals included.
    pub(super) fn all_figures(&self) -> impl Iterator<Item = &NamedFigure> {
        let of_rivals = self
            .rivals
            .iter()
            .flat_map(|rival| std::iter::once(&rival.figure).chain(&rival.difference));
        self.figures
            .iter()
            .chain([&self.validation])
            .chain(of_rivals)
    }
}
