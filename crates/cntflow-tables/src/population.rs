//! Populations: the values that the networks of one bin of a label have in one layer, summarised
//! together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use cntflow_metrics::population::{DecodeError, LayerSample, SamplePoints, SampleSummary};

use crate::error::TablesError;

/// Approximate size of a population's key in memory, in bytes.
const KEY_BYTES: usize = 256;

/// What populations must share to be compared: the architecture, the layer (index, name, role) and
/// the metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// A text with the number of neurons of every layer and the number of parameters, such as `2
    /// dense:1 (3 parameters)`; `any` where networks of all shapes are compared. It is not the JSON
    /// architecture of a catalog.
    pub architecture: String,
    /// Index of the layer, 0 for the inputs.
    pub layer: u32,
    /// Name of the layer.
    pub name: String,
    /// Position of the layer: input, hidden or output.
    pub role: String,
    /// The metric.
    pub metric: String,
}

/// What identifies a stored sample: its group, its bin, and its network if it is of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PopulationKey {
    /// The group that it belongs to.
    pub group: Group,
    /// Index of its bin.
    pub bin: i64,
    /// Value of the label, where each value is a population; `None` where bins are ranges.
    pub value: Option<String>,
    /// The only network of the sample; `None` for all networks of the bin together.
    pub checkpoint: Option<String>,
}

/// A bin of the label that populations are made by: a range of numbers, or a single value.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// Index of the bin.
    pub bin: i64,
    /// Lower bound, inclusive; NaN for a single value.
    pub low: f64,
    /// Upper bound, exclusive; NaN for a single value.
    pub high: f64,
    /// The single value as text; `None` for a range.
    pub value: Option<String>,
}

/// Networks of one bin, and the values of one metric of one of their layers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Population {
    /// The bin.
    pub(crate) bin: Bin,
    /// The networks, by the names of their checkpoints.
    pub(crate) checkpoints: BTreeSet<String>,
    /// Their values.
    pub(crate) sample: SampleSummary,
}

/// A row of the table `populations` without its values.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationRow {
    /// What it is of.
    pub key: PopulationKey,
    /// The bin.
    pub bin: Bin,
    /// The networks, by the names of their checkpoints.
    pub checkpoints: BTreeSet<String>,
    /// Number of finite values.
    pub count: u64,
}

/// How samples are stored until populations are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleStorage {
    /// Each network by itself: which ones are compared is chosen later.
    PerNetwork,
    /// All networks of a bin together, for good.
    PerBin,
}

/// The values that one network adds to its populations.
#[derive(Clone, Debug)]
pub struct NetworkSamples {
    /// Its bin of that label.
    pub bin: Bin,
    /// Its architecture as text, see [`Group::architecture`].
    pub architecture: String,
    /// How its values are stored.
    pub storage: SampleStorage,
    /// Its values, by layer and metric.
    pub samples: Vec<LayerSample>,
}

impl Population {
    /// Adds networks of the same population.
    fn merge(&mut self, other: Self) {
        self.checkpoints.extend(other.checkpoints);
        self.sample.merge(&other.sample);
    }
}

/// A row of the table `populations` as it was read from a part. Its values are decoded when they
/// are asked for: that takes most of the time of reading, and threads can share it.
#[derive(Clone, Debug)]
pub struct StoredPopulation {
    pub(crate) row: EncodedPopulation,
    pub(crate) part: Arc<Path>,
}

impl StoredPopulation {
    /// What the row is of.
    pub fn key(&self) -> &PopulationKey {
        &self.row.key
    }

    /// The networks, by the names of their checkpoints.
    pub fn checkpoints(&self) -> &BTreeSet<String> {
        &self.row.checkpoints
    }

    /// Size of the values in the table, in bytes.
    pub fn bytes(&self) -> usize {
        self.row.summary.len()
    }

    /// The values.
    ///
    /// # Errors
    /// They are damaged. The error names the part.
    pub fn sample(&self) -> Result<SampleSummary, TablesError> {
        SampleSummary::from_bytes(&self.row.summary).map_err(|source| self.damaged(source))
    }

    /// The values as few points, in a third of the time.
    ///
    /// # Errors
    /// They are damaged. The error names the part.
    pub fn points(&self) -> Result<SamplePoints, TablesError> {
        SamplePoints::from_bytes(&self.row.summary).map_err(|source| self.damaged(source))
    }

    fn damaged(&self, source: DecodeError) -> TablesError {
        TablesError::Summary {
            path: self.part.to_path_buf(),
            source,
        }
    }

    /// Adds a row of the same key.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), TablesError> {
        let mut sample = self.sample()?;
        sample.merge(&other.sample()?);
        self.row.count = sample.count();
        self.row.summary = sample.to_bytes();
        self.row.checkpoints.extend(other.row.checkpoints);
        Ok(())
    }
}

/// A row of the table `populations`: a population with its summary encoded.
#[derive(Clone, Debug)]
pub(crate) struct EncodedPopulation {
    pub(crate) key: PopulationKey,
    pub(crate) bin: Bin,
    pub(crate) checkpoints: BTreeSet<String>,
    /// Number of finite values.
    pub(crate) count: u64,
    pub(crate) summary: Vec<u8>,
}

impl EncodedPopulation {
    pub(crate) fn new(key: PopulationKey, population: Population) -> Self {
        Self {
            key,
            bin: population.bin,
            checkpoints: population.checkpoints,
            count: population.sample.count(),
            summary: population.sample.to_bytes(),
        }
    }
}

/// The populations of a batch that is not committed yet.
#[derive(Debug, Default)]
pub(crate) struct GatheredPopulations {
    per_bin: BTreeMap<PopulationKey, Population>,
    /// Nothing is added to these. Encoded, they take a third of the memory, so that a batch holds
    /// more networks.
    per_network: Vec<EncodedPopulation>,
    bytes: usize,
}

impl GatheredPopulations {
    /// Adds the values of a network.
    pub(crate) fn add(&mut self, checkpoint: &str, network: NetworkSamples) {
        let only = match network.storage {
            SampleStorage::PerNetwork => Some(checkpoint),
            SampleStorage::PerBin => None,
        };
        for layer in network.samples {
            let key = PopulationKey {
                group: Group {
                    architecture: network.architecture.clone(),
                    layer: layer.layer as u32,
                    name: layer.name,
                    role: layer.role.as_str().to_owned(),
                    metric: layer.metric.as_str().to_owned(),
                },
                bin: network.bin.bin,
                value: network.bin.value.clone(),
                checkpoint: only.map(str::to_owned),
            };
            let new = Population {
                bin: network.bin.clone(),
                checkpoints: BTreeSet::from([checkpoint.to_owned()]),
                sample: layer.sample,
            };
            self.bytes += size_of::<String>() + checkpoint.len();
            match network.storage {
                SampleStorage::PerNetwork => {
                    let encoded = EncodedPopulation::new(key, new);
                    self.bytes += KEY_BYTES + encoded.summary.len();
                    self.per_network.push(encoded);
                }
                SampleStorage::PerBin => self.put(key, new),
            }
        }
    }

    fn put(&mut self, key: PopulationKey, new: Population) {
        match self.per_bin.get_mut(&key) {
            None => {
                self.bytes += KEY_BYTES + new.sample.bytes();
                self.per_bin.insert(key, new);
            }
            Some(population) => {
                let before = population.sample.bytes();
                population.merge(new);
                self.bytes = self.bytes + population.sample.bytes() - before;
            }
        }
    }

    /// Approximate size in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Removes and returns all populations, in the order of their keys.
    pub(crate) fn take(&mut self) -> Vec<EncodedPopulation> {
        let taken = std::mem::take(self);
        let mut all = taken.per_network;
        let per_bin = taken.per_bin.into_iter();
        all.extend(per_bin.map(|(key, population)| EncodedPopulation::new(key, population)));
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }
}
