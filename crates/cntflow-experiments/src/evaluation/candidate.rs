//! Candidates: what is fitted and compared.

use std::fmt;

use cntflow_models::ModelKind;

use crate::spec::{FeatureExpression, Twin};

/// A feature set of the real networks or of their twins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeatureChoice {
    /// The features.
    pub features: FeatureExpression,
    /// The twin population that they are of; `None` for the networks themselves.
    pub twin: Option<Twin>,
}

impl FeatureChoice {
    /// Features of the networks themselves.
    pub fn real(features: FeatureExpression) -> Self {
        Self {
            features,
            twin: None,
        }
    }
}

impl fmt::Display for FeatureChoice {
    /// `cnt + tensor_7`, or `cnt@shuffle` for a twin.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.features)?;
        match self.twin {
            Some(twin) => write!(f, "@{}", twin.name()),
            None => Ok(()),
        }
    }
}

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
