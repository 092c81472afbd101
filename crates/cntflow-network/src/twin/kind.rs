//! The kinds of twins.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::TwinError;

/// How a twin's weights are made of those of a network.
///
/// A kernel here is what one layer of links has: of a recurrent layer the rows of one gate, of an
/// attention those of one projection. Biases and norms stay as they are, except with
/// [`Twin::Neurons`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Twin {
    /// The entries of each kernel, permuted within the kernel. Its distribution stays, its wiring
    /// goes.
    Shuffle,
    /// Hidden units and channels, permuted with all links that lead to them and from them. The
    /// network computes the same, so a metric that changes depends on the order of the neurons.
    Neurons,
    /// Each kernel drawn from the normal distribution with its mean and population standard
    /// deviation.
    Gaussian,
    /// Each entry of a kernel with its magnitude and a random sign.
    Sign,
}

impl Twin {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Shuffle, Self::Neurons, Self::Gaussian, Self::Sign];

    /// The name in study files and of the twin's folder.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shuffle => "shuffle",
            Self::Neurons => "neurons",
            Self::Gaussian => "gaussian",
            Self::Sign => "sign",
        }
    }
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Twin {
    type Err = TwinError;

    fn from_str(name: &str) -> Result<Self, TwinError> {
        let mut all = Self::ALL.into_iter();
        all.find(|twin| twin.as_str() == name)
            .ok_or_else(|| TwinError::UnknownTwin {
                name: name.to_owned(),
            })
    }
}
