//! Populations: what the networks of one bin of accuracy have in one layer, put together.

use std::collections::BTreeMap;

use cntflow_metrics::population::{LayerSample, SampleSummary};

/// Bytes of a population beside its sample, roughly.
const KEY_BYTES: usize = 256;

/// Layers that are compared: those of one place, name and metric in networks of one shape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Shape of the networks: neurons of every layer, and the number of parameters.
    pub architecture: String,
    /// `l`, 0 for the inputs.
    pub layer: u32,
    /// Name of the layer.
    pub name: String,
    /// Where the layer stands.
    pub role: String,
    /// The metric.
    pub metric: String,
}

/// One population of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PopulationKey {
    /// What it is compared within.
    pub group: Group,
    /// Number of its bin.
    pub bin: i64,
}

/// A bin of accuracy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Its number.
    pub bin: i64,
    /// Lower border, which is in it.
    pub low: f64,
    /// Upper border, which is in the next one.
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

/// What one network gives to its population.
#[derive(Clone, Debug)]
pub struct NetworkSamples {
    /// Its bin of accuracy.
    pub bin: Bin,
    /// Its shape, see [`Group::architecture`].
    pub architecture: String,
    /// Its values, by layer and metric.
    pub samples: Vec<LayerSample>,
}

impl Population {
    /// Takes in more networks of the same population.
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
    /// Takes a network in.
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
            Some(known) => {
                let before = known.sample.bytes();
                known.merge(&new);
                self.bytes = self.bytes + known.sample.bytes() - before;
            }
        }
    }

    /// Size in memory, in bytes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All populations in the order of their keys, which leaves none.
    pub(crate) fn take(&mut self) -> BTreeMap<PopulationKey, Population> {
        std::mem::take(self).populations
    }
}
