//! Candidates: what is fitted and compared.

use cntflow_models::ModelKind;

use crate::spec::FeatureChoice;

/// A feature choice with a kind of model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What the model sees.
    pub choice: FeatureChoice,
    /// The kind of model; `None` for `majority`, where nothing is fitted.
    pub model: Option<ModelKind>,
    /// Index of the feature source: 0 for the networks themselves, then one per twin.
    pub(crate) source: usize,
    /// Columns of the source.
    pub(crate) columns: Vec<usize>,
    /// For each row of the population, whether it has any of these features.
    pub(crate) has_features: Vec<bool>,
}

impl Candidate {
    /// The model's name in tables.
    pub fn model_name(&self) -> &'static str {
        self.model.map_or("majority", ModelKind::name)
    }

    /// Those of `rows` that have features.
    pub(crate) fn available(&self, rows: &[usize]) -> Vec<usize> {
        rows.iter()
            .copied()
            .filter(|&row| self.has_features[row])
            .collect()
    }
}
