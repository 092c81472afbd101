//! The probe: inputs over which the data-dependent metrics are measured.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cntflow_zoo::{Dataset, Split, ZooError};

use crate::exit::UsageError;

/// Number of inputs unless the probe names another, default is 500.
const DEFAULT_PROBE_INPUTS: usize = 500;

/// Names the inputs: `DATASET[:train|test[:number]]`. The data set `own` is the one that each
/// network was trained on.
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

/// The name of the probe that is each network's own data set.
const OWN: &str = "own";

impl ProbeSpec {
    /// Whether each network is measured over the data set that it was trained on.
    pub(crate) fn is_own(&self) -> bool {
        self.dataset == OWN
    }
}

/// The inputs, opened once and shared by all workers.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    /// Their name, with the number of inputs taken.
    pub(crate) spec: ProbeSpec,
    sets: ProbeSets,
}

#[derive(Clone, Debug)]
enum ProbeSets {
    /// The same inputs for every network.
    Common(ProbeInputs),
    /// Those of the data set that a network was trained on, by the name of the data set.
    Own(BTreeMap<String, ProbeInputs>),
}

/// The inputs for a network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProbeInputs {
    /// The images.
    pub(crate) images: Dataset,
    /// Their pixels, `[inputs, channels, rows, columns]`: converted once, not for each network.
    pub(crate) pixels: Vec<f32>,
}

impl ProbeInputs {
    fn open(name: &str, spec: &ProbeSpec) -> Result<Self, ZooError> {
        let images = Dataset::open(name, spec.split)?.sample(spec.n_inputs);
        let pixels = images.images();
        Ok(Self { images, pixels })
    }
}

impl Probe {
    /// Opens the inputs: a class-balanced sample with a fixed seed, so that they are always the
    /// same. `datasets` are the names of the data sets that networks are trained on; only the probe
    /// `own` reads them.
    ///
    /// # Errors
    /// A data set cannot be opened.
    pub(crate) fn open(spec: &ProbeSpec, datasets: &BTreeSet<&str>) -> Result<Self, ZooError> {
        if spec.is_own() {
            let opened = datasets.iter();
            let opened = opened.map(|&name| Ok((name.to_owned(), ProbeInputs::open(name, spec)?)));
            return Ok(Self {
                spec: spec.clone(),
                sets: ProbeSets::Own(opened.collect::<Result<_, ZooError>>()?),
            });
        }
        let inputs = ProbeInputs::open(&spec.dataset, spec)?;
        // A small data set gives fewer inputs than requested; the tables record how many were
        // taken.
        let spec = ProbeSpec {
            n_inputs: inputs.images.len(),
            ..spec.clone()
        };
        Ok(Self {
            spec,
            sets: ProbeSets::Common(inputs),
        })
    }

    /// The inputs of a network that was trained on `dataset`; `None` if there are none.
    pub(crate) fn inputs(&self, dataset: Option<&str>) -> Option<&ProbeInputs> {
        match &self.sets {
            ProbeSets::Common(inputs) => Some(inputs),
            ProbeSets::Own(by_name) => by_name.get(dataset?),
        }
    }

    /// Digest of the images and labels. Those of the probe `own` are a list `name=digest`,
    /// separated by commas.
    pub(crate) fn digest(&self) -> String {
        match &self.sets {
            ProbeSets::Common(inputs) => inputs.images.digest().to_owned(),
            ProbeSets::Own(by_name) => {
                let digests = by_name.iter();
                let digests =
                    digests.map(|(name, inputs)| format!("{name}={}", inputs.images.digest()));
                digests.collect::<Vec<_>>().join(",")
            }
        }
    }
}

/// The names of the data sets in a digest of the probe `own`.
pub(crate) fn dataset_names(digest: &str) -> BTreeSet<&str> {
    let entries = digest.split(',');
    entries
        .filter_map(|entry| Some(entry.rsplit_once('=')?.0))
        .collect()
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

    #[test]
    fn each_network_of_the_probe_own_gets_the_inputs_of_its_data_set() {
        let spec: ProbeSpec = "own:train:20".parse().unwrap();
        let names = BTreeSet::from(["mnist-6k", "fashion-mnist-6k"]);
        let probe = Probe::open(&spec, &names).unwrap();
        for name in names.iter().copied() {
            let common: ProbeSpec = format!("{name}:train:20").parse().unwrap();
            let common = Probe::open(&common, &BTreeSet::new()).unwrap();
            assert_eq!(probe.inputs(Some(name)), common.inputs(None));
        }
        assert_eq!(probe.inputs(Some("cifar10")), None);
        assert_eq!(probe.inputs(None), None);
        assert_eq!(dataset_names(&probe.digest()), names);
    }
}
