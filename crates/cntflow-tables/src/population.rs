//! Populations: the values that the networks of one bin of a label have in one layer, summarised
//! together.

use std::collections::BTreeMap;

use cntflow_metrics::population::{LayerSample, SampleSummary};

/// Approximate size of a population's key in memory, in bytes.
const KEY_BYTES: usize = 256;

/// What populations must share to be compared: the architecture, the layer (index, name, role) and
/// the metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// A text with the number of neurons of every layer and the number of parameters, such as `2
    /// dense:1 (3 parameters)`. It is not the JSON architecture of a catalog.
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

/// One population of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PopulationKey {
    /// The group that it belongs to.
    pub group: Group,
    /// Index of its bin.
    pub bin: i64,
}

/// A bin of the label that populations are made by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Index of the bin.
    pub bin: i64,
    /// Lower bound, inclusive.
    pub low: f64,
    /// Upper bound, exclusive.
    pub high: f64,
}

/// The networks of one bin, and the values of one metric of one of their layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// The bin.
    pub bin: Bin,
    /// Number of networks.
    pub networks: u64,
    /// Their values.
    pub sample: SampleSummary,
}

/// The values that one network adds to its populations.
#[derive(Clone, Debug)]
pub struct NetworkSamples {
    /// Its bin of that label.
    pub bin: Bin,
    /// Its architecture as text, see [`Group::architecture`].
    pub architecture: String,
    /// Its values, by layer and metric.
    pub samples: Vec<LayerSample>,
}

impl Population {
    /// Adds networks of the same population.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.networks += other.networks;
        self.sample.merge(&other.sample);
    }
}

/// The populations of a batch that is not committed yet.
#[derive(Debug, Default)]
pub(crate) struct GatheredPopulations {
    populations: BTreeMap<PopulationKey, Population>,
    bytes: usize,
}

impl GatheredPopulations {
    /// Adds the values of a network.
    pub(crate) fn add(&mut self, network: NetworkSamples) {
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
            };
            let new = Population {
                bin: network.bin,
                networks: 1,
                sample: layer.sample,
            };
            self.put(key, new);
        }
    }

    fn put(&mut self, key: PopulationKey, new: Population) {
        match self.populations.get_mut(&key) {
            None => {
                self.bytes += KEY_BYTES + new.sample.bytes();
                self.populations.insert(key, new);
            }
            Some(population) => {
                let before = population.sample.bytes();
                population.merge(&new);
                self.bytes = self.bytes + population.sample.bytes() - before;
            }
        }
    }

    /// Approximate size in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Removes and returns all populations, in the order of their keys.
    pub(crate) fn take(&mut self) -> BTreeMap<PopulationKey, Population> {
        std::mem::take(self).populations
    }
}
