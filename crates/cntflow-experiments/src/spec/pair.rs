//! The key `primary`: which feature choices are compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{FeatureExpression, SpecProblem, Twin};

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

/// Two choices to be compared, as a study file writes them: `"cnt > cnt@shuffle"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pair {
    /// The choice that is claimed to predict better.
    pub a: FeatureChoice,
    /// The other one.
    pub b: FeatureChoice,
}

impl FromStr for Pair {
    type Err = SpecProblem;

    fn from_str(text: &str) -> Result<Self, SpecProblem> {
        let wrong = || SpecProblem::Comparison {
            found: text.to_owned(),
        };
        let (a, b) = text.split_once('>').ok_or_else(wrong)?;
        Ok(Self {
            a: parse_choice(a)?.ok_or_else(wrong)?,
            b: parse_choice(b)?.ok_or_else(wrong)?,
        })
    }
}

/// A choice such as `cnt + tensor_7` or `cnt@shuffle`; `None` for a twin that does not exist.
fn parse_choice(text: &str) -> Result<Option<FeatureChoice>, SpecProblem> {
    let Some((features, twin)) = text.split_once('@') else {
        return Ok(Some(FeatureChoice::real(text.parse()?)));
    };
    let twin = Twin::ALL
        .into_iter()
        .find(|other| other.name() == twin.trim());
    let features: FeatureExpression = features.parse()?;
    Ok(twin.map(|twin| FeatureChoice {
        features,
        twin: Some(twin),
    }))
}

impl fmt::Display for Pair {
    /// `cnt > cnt@shuffle`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.a, self.b)
    }
}

impl TryFrom<String> for Pair {
    type Error = SpecProblem;

    fn try_from(text: String) -> Result<Self, SpecProblem> {
        text.parse()
    }
}

impl From<Pair> for String {
    fn from(pair: Pair) -> Self {
        pair.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_names_features_and_twins() {
        let pair: Pair = "cnt + tensor_7 > cnt@shuffle".parse().unwrap();
        assert_eq!(pair.b.to_string(), "cnt@shuffle");
        assert_eq!(pair.a.features.plus.len(), 2);
        for wrong in ["cnt", "cnt > cnt@shufle", "cnt < norms"] {
            assert!(wrong.parse::<Pair>().is_err(), "{wrong}");
        }
    }
}
