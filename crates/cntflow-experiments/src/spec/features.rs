//! The key `features`: named sets, unions and differences of them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::SpecProblem;

macro_rules! feature_sets {
    ($($(#[doc = $doc:literal])+ $set:ident = $name:literal,)+) => {
        /// What a model may look at: a baseline, or a family of metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FeatureSet {
            $($(#[doc = $doc])+ $set,)+
        }

        impl FeatureSet {
            /// All sets, baselines first.
            pub const ALL: &'static [Self] = &[$(Self::$set,)+];

            /// The name in study files and tables.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$set => $name,)+
                }
            }
        }
    };
}

feature_sets! {
    /// No feature: always the most frequent class, or the mean, of the training rows.
    Majority = "majority",
    /// The checkpoint's step alone.
    Step = "step",
    /// How the network was trained: label columns, texts one-hot.
    Hyperparameters = "hyperparameters",
    /// Numbers of parameters, neurons, links and layers: the upper bound for size. In no other set.
    Counts = "counts",
    /// L1 and L2 norm of each kernel and bias.
    Norms = "norms",
    /// Minimum, quartiles, maximum, standard deviation and mean of all weights of the network.
    Global7 = "global_7",
    /// The same seven statistics of the output layer's kernel and bias.
    Last7 = "last_7",
    /// The same seven statistics of each kernel and bias, by position.
    Tensor7 = "tensor_7",
    /// Entropy, margin and largest output over unlabelled probe inputs.
    ProbeConfidence = "probe_confidence",
    /// Accuracy and loss on labelled probe inputs.
    ProbeAccuracy = "probe_accuracy",
    /// The distribution of `link_weights`. With `bias = "link"` it includes the biases.
    LinkWeights = "link_weights",
    /// The distributions of `nodes_strength`, `strength_in`, `strength_out` and `strength_abs`.
    Strengths = "strengths",
    /// `layers_fluctuation`.
    Fluctuation = "fluctuation",
    /// `normalised_fluctuation_*` and `coupling*`: free of the weights' scale.
    Wiring = "wiring",
    /// `neurons_strength*` and `neurons_activation*`, over the probe's inputs.
    DataDependent = "data_dependent",
    /// All metrics of weights alone: `link_weights`, `strengths`, `fluctuation`, `wiring`,
    /// `kernel_weights` and `biases`.
    Cnt = "cnt",
    /// `cnt` without the metrics `biases` and `link_weights`. The strengths still include biases,
    /// unless they are measured with `bias = "exclude"`.
    CntWithoutBiases = "cnt_without_biases",
}

impl FeatureSet {
    /// Whether the set is read from the table `layers`.
    pub fn is_measured(self) -> bool {
        !matches!(
            self,
            Self::Majority | Self::Step | Self::Hyperparameters | Self::Counts
        )
    }

    /// Whether the set is a baseline: it is made of labels, plain statistics of the weights or
    /// outputs.
    pub fn is_baseline(self) -> bool {
        !self.is_measured()
            || matches!(
                self,
                Self::Norms
                    | Self::Global7
                    | Self::Last7
                    | Self::Tensor7
                    | Self::ProbeConfidence
                    | Self::ProbeAccuracy
            )
    }

    /// Whether the set needs a probe.
    pub fn needs_probe(self) -> bool {
        matches!(
            self,
            Self::ProbeConfidence | Self::ProbeAccuracy | Self::DataDependent
        )
    }
}

/// A union of feature sets, less others: `"cnt"`, `"cnt + tensor_7"`, `"cnt - wiring"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeatureExpression {
    /// Sets whose columns are taken.
    pub plus: BTreeSet<FeatureSet>,
    /// Sets whose columns are left out again.
    pub minus: BTreeSet<FeatureSet>,
}

impl FeatureExpression {
    /// The expression of one set.
    pub fn of(set: FeatureSet) -> Self {
        Self {
            plus: BTreeSet::from([set]),
            minus: BTreeSet::new(),
        }
    }

    /// The union of two sets.
    pub fn union(a: FeatureSet, b: FeatureSet) -> Self {
        Self {
            plus: BTreeSet::from([a, b]),
            minus: BTreeSet::new(),
        }
    }

    /// Whether any column is read from the table `layers`: then the expression has twins.
    pub fn is_measured(&self) -> bool {
        self.plus.iter().any(|set| set.is_measured())
    }

    /// Whether all of its sets are baselines, which need no Complex Network Theory.
    pub fn is_baseline(&self) -> bool {
        self.plus.iter().all(|set| set.is_baseline())
    }

    /// Whether any of its sets needs a probe.
    pub fn needs_probe(&self) -> bool {
        self.plus.iter().any(|set| set.needs_probe())
    }

    /// Whether this is the set `majority` alone, for which nothing is fitted.
    pub fn is_majority(&self) -> bool {
        self.plus.iter().all(|set| *set == FeatureSet::Majority)
    }
}

impl fmt::Display for FeatureExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One name whatever the order in the study: `cnt`, families of metrics, baselines.
        let mut plus: Vec<&FeatureSet> = self.plus.iter().collect();
        let is_cnt =
            |set: &FeatureSet| matches!(set, FeatureSet::Cnt | FeatureSet::CntWithoutBiases);
        plus.sort_by_key(|&set| (set.is_baseline(), !is_cnt(set), *set));
        for (index, set) in plus.into_iter().enumerate() {
            let sign = if index == 0 { "" } else { " + " };
            write!(f, "{sign}{}", set.name())?;
        }
        for set in &self.minus {
            write!(f, " - {}", set.name())?;
        }
        Ok(())
    }
}

impl std::str::FromStr for FeatureExpression {
    type Err = SpecProblem;

    fn from_str(text: &str) -> Result<Self, SpecProblem> {
        let mut expression = Self {
            plus: BTreeSet::new(),
            minus: BTreeSet::new(),
        };
        let mut is_minus = false;
        let spaced = text.replace('+', " + ").replace('-', " - ");
        for word in spaced.split_whitespace() {
            if word == "+" || word == "-" {
                is_minus = word == "-";
                continue;
            }
            let set = FeatureSet::ALL.iter().find(|set| set.name() == word);
            let set = *set.ok_or_else(|| SpecProblem::FeatureSet {
                found: word.to_owned(),
                known: FeatureSet::ALL.iter().map(|set| set.name()).collect(),
            })?;
            if is_minus {
                expression.minus.insert(set);
            } else {
                expression.plus.insert(set);
            }
        }
        if expression.plus.is_empty() {
            return Err(SpecProblem::Empty);
        }
        if expression.plus.is_subset(&expression.minus) {
            return Err(SpecProblem::LeavesNothing {
                found: expression.to_string(),
            });
        }
        Ok(expression)
    }
}

impl TryFrom<String> for FeatureExpression {
    type Error = SpecProblem;

    fn try_from(text: String) -> Result<Self, SpecProblem> {
        text.parse()
    }
}

impl From<FeatureExpression> for String {
    fn from(expression: FeatureExpression) -> Self {
        expression.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_unions_and_differences() {
        let read = |text: &str| text.parse::<FeatureExpression>();
        assert_eq!(
            read("tensor_7+cnt").unwrap(),
            FeatureExpression::union(FeatureSet::Cnt, FeatureSet::Tensor7)
        );
        for text in ["tensor_7 + cnt", "cnt + tensor_7"] {
            assert_eq!(read(text).unwrap().to_string(), "cnt + tensor_7");
        }
        let families = read("hyperparameters + strengths + link_weights").unwrap();
        assert_eq!(
            families.to_string(),
            "link_weights + strengths + hyperparameters"
        );
        let without = read("cnt - wiring").unwrap();
        assert_eq!(without.to_string(), "cnt - wiring");
        assert!(without.minus.contains(&FeatureSet::Wiring));
        let error = read("cnt + wirring").unwrap_err().to_string();
        assert!(
            error.contains("`wirring`") && error.contains("wiring"),
            "{error}"
        );
        assert_eq!(read("").unwrap_err(), SpecProblem::Empty);
        let nothing = read("cnt - cnt").unwrap_err().to_string();
        assert_eq!(nothing, "`cnt - cnt` leaves nothing");
    }
}
