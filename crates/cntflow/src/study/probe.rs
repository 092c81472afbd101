//! The probe: inputs over which the data-dependent metrics are measured.

use std::str::FromStr;

use cntflow_zoo::{Dataset, Split, ZooError};

use crate::exit::UsageError;

/// Number of inputs unless the probe names another, default is 500.
const DEFAULT_PROBE_INPUTS: usize = 500;

/// Names the inputs: `DATASET[:train|test[:number]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeSpec {
    dataset: String,
    split: Split,
    n_inputs: usize,
}

impl FromStr for ProbeSpec {
    type Err = UsageError;

    fn from_str(text: &str) -> Result<Self, UsageError> {
        let mut parts = text.splitn(3, ':');
        let dataset = parts.next().unwrap_or_default().to_owned();
        let split = match parts.next() {
            None | Some("train") => Split::Train,
            Some("test") => Split::Test,
            Some(other) => {
                return Err(UsageError(format!(
                    "'{text}': split '{other}' is neither train nor test"
                )));
            }
        };
        let n_inputs = match parts.next() {
            Some(number) => number.parse().unwrap_or(0),
            None => DEFAULT_PROBE_INPUTS,
        };
        if dataset.is_empty() || n_inputs == 0 {
            return Err(UsageError(format!(
                "'{text}' is not DATASET[:train|test[:number of inputs]]"
            )));
        }
        Ok(Self {
            dataset,
            split,
            n_inputs,
        })
    }
}

impl std::fmt::Display for ProbeSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}:{}",
            self.dataset,
            self.split.name(),
            self.n_inputs
        )
    }
}

/// The inputs, opened once and shared by all workers.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    /// Their name, with the number of inputs taken.
    pub(crate) spec: ProbeSpec,
    /// The inputs.
    pub(crate) inputs: Dataset,
    /// Their pixels, `[inputs, channels, rows, columns]`: converted once, not for each network.
    pub(crate) pixels: Vec<f32>,
}

impl Probe {
    /// Opens the inputs: a class-balanced sample with a fixed seed, so that they are always the
    /// same.
    ///
    /// # Errors
    /// The data set cannot be opened.
    pub(crate) fn open(spec: &ProbeSpec) -> Result<Self, ZooError> {
        let inputs = Dataset::open(&spec.dataset, spec.split)?.sample(spec.n_inputs);
        // A small data set gives fewer inputs than requested; the tables record how many were
        // taken.
        let spec = ProbeSpec {
            n_inputs: inputs.len(),
            ..spec.clone()
        };
        let pixels = inputs.images();
        Ok(Self {
            spec,
            inputs,
            pixels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omitted_parts_have_defaults() {
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
