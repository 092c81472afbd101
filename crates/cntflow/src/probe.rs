//! The inputs that data-dependent metrics are measured over: `DATASET[:split[:n]]`.

use std::str::FromStr;

use cntflow_zoo::{Dataset, Split, ZooError};

/// Inputs taken where none are asked for by number, default is 500.
pub(crate) const DEFAULT_PROBE_INPUTS: usize = 500;

/// Which inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeSpec {
    dataset: String,
    split: Split,
    n: usize,
}

impl FromStr for ProbeSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let dataset = parts.next().unwrap_or_default().to_owned();
        let split = match parts.next() {
            None | Some("train") => Split::Train,
            Some("test") => Split::Test,
            Some(other) => {
                return Err(format!(
                    "'{text}': split '{other}' is neither train nor test"
                ));
            }
        };
        let n = parts.next().map_or(Ok(DEFAULT_PROBE_INPUTS), str::parse);
        match n {
            Ok(n) if n > 0 && !dataset.is_empty() => Ok(Self { dataset, split, n }),
            _ => Err(format!(
                "'{text}' is not DATASET[:train|test[:number of inputs]]"
            )),
        }
    }
}

impl std::fmt::Display for ProbeSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.dataset, self.split.name(), self.n)
    }
}

/// The inputs themselves, opened once and shared by all workers.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    /// What was asked for.
    pub(crate) spec: ProbeSpec,
    /// The inputs.
    pub(crate) inputs: Dataset,
}

impl Probe {
    /// Takes the same inputs every time: a class-balanced sample with a fixed seed.
    pub(crate) fn open(spec: &ProbeSpec) -> Result<Self, ZooError> {
        let inputs = Dataset::open(&spec.dataset, spec.split)?.sample(spec.n);
        // A data set may hold fewer than asked for: what is recorded is what was taken.
        let spec = ProbeSpec {
            n: inputs.len(),
            ..spec.clone()
        };
        Ok(Self { spec, inputs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_left_out_have_defaults() {
        let check = |text: &str, full: &str| {
            assert_eq!(text.parse::<ProbeSpec>().unwrap().to_string(), full)
        };
        check("mnist-6k", "mnist-6k:train:500");
        check("mnist-6k:test", "mnist-6k:test:500");
        check("mnist-6k:train:20", "mnist-6k:train:20");
        for bad in [
            "",
            "mnist-6k:valid",
            "mnist-6k:train:0",
            "mnist-6k:train:many",
        ] {
            bad.parse::<ProbeSpec>().unwrap_err();
        }
    }
}
