//! The two parts of a data set.

use std::str::FromStr;

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// The images that networks are trained on.
    Train,
    /// The images that networks never see in training.
    Test,
}

/// A name that is not that of a [`Split`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("split `{name}`: expected `train` or `test`")]
pub struct UnknownSplit {
    /// The name given.
    pub name: String,
}

impl Split {
    /// `train` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }

    /// The part's name in MNIST's file names.
    pub(super) fn file_prefix(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "t10k",
        }
    }
}

impl FromStr for Split {
    type Err = UnknownSplit;

    fn from_str(name: &str) -> Result<Self, UnknownSplit> {
        match name {
            "train" => Ok(Self::Train),
            "test" => Ok(Self::Test),
            _ => Err(UnknownSplit {
                name: name.to_owned(),
            }),
        }
    }
}
