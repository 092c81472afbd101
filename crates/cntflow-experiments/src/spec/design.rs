//! Keys that say which networks are compared with which: `match`, `transfer`, `protocol.test` and
//! `layers`.

use polars::prelude::{LazyFrame, col, lit};
use serde::{Deserialize, Serialize};

use super::SpecProblem;

/// One label that the classes of a target are matched on: in each of its bins every class keeps the
/// same number of networks. Without `width` and `factor` each value is a bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchRule {
    /// Column of `networks`.
    pub label: String,
    /// Width of the bins, in the label's unit: bin k holds the labels in
    /// `[k * width, (k + 1) * width)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// Ratio of the bins' ends: bin k holds the labels in `[factor^k, factor^(k + 1))`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
}

/// Rounding errors of a division: a label that close below the end of a bin is at its end.
const BIN_TOLERANCE: f64 = 1e-9;

impl MatchRule {
    /// The bin of a number; `None` where it has none.
    pub(crate) fn bin(&self, value: f64) -> Option<String> {
        let position = match (self.width, self.factor) {
            (Some(width), _) => value / width,
            (None, Some(factor)) => value.ln() / factor.ln(),
            (None, None) => return value.is_finite().then(|| value.to_string()),
        };
        let bin = (position + BIN_TOLERANCE).floor();
        bin.is_finite().then(|| bin.to_string())
    }

    /// Whether the bins are of numbers.
    pub(crate) fn needs_numbers(&self) -> bool {
        self.width.is_some() || self.factor.is_some()
    }

    pub(super) fn check(&self) -> Result<(), SpecProblem> {
        let above = |key, least: f64, found: Option<f64>| match found {
            Some(found) if !(found > least && found.is_finite()) => {
                Err(SpecProblem::NotAbove { key, least, found })
            }
            _ => Ok(()),
        };
        above("width", 0.0, self.width)?;
        above("factor", 1.0, self.factor)?;
        if self.width.is_some() && self.factor.is_some() {
            let (first, second) = ("width", "factor");
            return Err(SpecProblem::Exclusive { first, second });
        }
        Ok(())
    }
}

/// The models are fitted to networks of one population and judged on those of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TransferKeys", into = "TransferKeys")]
pub enum Transfer {
    /// From the networks of one condition to those of another, which are the test set.
    Conditions {
        /// SQL condition over `networks`: what the models are fitted to.
        train: String,
        /// SQL condition over `networks`: what they are judged on.
        test: String,
    },
    /// From each value of a column to each other value.
    Column {
        /// Column of `networks`.
        column: String,
        /// The value that the models are fitted to; `None`: each value in an experiment of its own.
        from: Option<String>,
    },
}

/// The keys of a transfer as they are written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TransferKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    train: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<String>,
}

impl TryFrom<TransferKeys> for Transfer {
    type Error = SpecProblem;

    fn try_from(keys: TransferKeys) -> Result<Self, SpecProblem> {
        match keys {
            TransferKeys {
                column: Some(column),
                from,
                train: None,
                test: None,
            } => Ok(Self::Column { column, from }),
            TransferKeys {
                column: None,
                from: None,
                train: Some(train),
                test: Some(test),
            } => Ok(Self::Conditions { train, test }),
            _ => Err(SpecProblem::TransferKeys),
        }
    }
}

impl From<Transfer> for TransferKeys {
    fn from(transfer: Transfer) -> Self {
        match transfer {
            Transfer::Conditions { train, test } => Self {
                train: Some(train),
                test: Some(test),
                ..Self::default()
            },
            Transfer::Column { column, from } => Self {
                column: Some(column),
                from,
                ..Self::default()
            },
        }
    }
}

/// A test set that is not drawn: all networks with one value of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestColumn {
    /// Column of `networks`.
    pub column: String,
    /// The value; `None`: each value in an experiment of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Which layers the measured features are read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerChoice {
    /// All layers.
    #[default]
    All,
    /// All but the input layer. The kernel between the inputs and the first hidden layer belongs to
    /// the latter and stays.
    WithoutInput,
    /// Hidden layers, with the kernels that lead into them.
    Hidden,
    /// Hidden layers behind the first one: no weight of an input is in their kernels.
    Inner,
}

impl LayerChoice {
    /// Whether these are all layers.
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// The name in study files.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::WithoutInput => "without_input",
            Self::Hidden => "hidden",
            Self::Inner => "inner",
        }
    }

    /// The rows of the table `layers` that belong to these layers. Rows of a whole network belong
    /// to no layer and stay with all layers alone.
    pub(crate) fn select(self, layers: LazyFrame) -> LazyFrame {
        let is_hidden = || col("role").eq(lit("hidden"));
        match self {
            Self::All => layers,
            Self::WithoutInput => layers.filter(is_hidden().or(col("role").eq(lit("output")))),
            Self::Hidden => layers.filter(is_hidden()),
            Self::Inner => layers.filter(is_hidden().and(col("layer").gt_eq(lit(FIRST_INNER)))),
        }
    }
}

/// Index of the layer behind the first hidden one. The inputs are layer 0.
const FIRST_INNER: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Section {
        transfer: Transfer,
    }

    fn read(text: &str) -> Result<Transfer, toml::de::Error> {
        toml::from_str::<Section>(&format!("transfer = {text}")).map(|section| section.transfer)
    }

    #[test]
    fn a_transfer_is_of_a_column_or_of_two_conditions() {
        for text in [
            "{ column = 'dataset' }",
            "{ column = 'dataset', from = 'mnist' }",
            "{ train = 'depth = 1', test = 'depth = 2' }",
        ] {
            let transfer = read(text).unwrap();
            let written = serde_json::to_string(&transfer).unwrap();
            assert_eq!(
                serde_json::from_str::<Transfer>(&written).unwrap(),
                transfer
            );
        }
        for text in [
            "{ }",
            "{ train = 'a' }",
            "{ column = 'a', test = 'b' }",
            "{ columns = 'a' }",
        ] {
            let error = read(text).unwrap_err().to_string();
            let names_keys = error.contains("`column`") || error.contains("unknown field");
            assert!(names_keys, "{text}: {error}");
        }
    }

    #[test]
    fn bins_are_absolute_or_logarithmic() {
        let rule = |width, factor| MatchRule {
            label: "x".to_owned(),
            width,
            factor,
        };
        let absolute = rule(Some(0.05), None);
        let bins = [0.1, 0.1499, 0.15, 0.9].map(|value| absolute.bin(value).unwrap());
        assert_eq!(bins, ["2", "2", "3", "18"]);
        let logarithmic = rule(None, Some(2.0));
        let bins = [1.0, 1.9, 2.0, 8.0].map(|value| logarithmic.bin(value).unwrap());
        assert_eq!(bins, ["0", "0", "1", "3"]);
        assert_eq!(logarithmic.bin(0.0), None);
        assert_eq!(absolute.bin(f64::NAN), None);
        assert!(rule(Some(0.0), None).check().is_err());
        assert!(rule(None, Some(1.0)).check().is_err());
        assert!(rule(Some(1.0), Some(2.0)).check().is_err());
    }
}
