//! How checkpoints are measured: metrics and their options, probe, limits.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use cntflow_catalog::{CatalogEntry, LabelColumn};
use cntflow_metrics::population::SampleScale;
use cntflow_metrics::{MeasureOptions, Metric};
use cntflow_network::Twin;
use cntflow_storage::Limits;
use cntflow_tables::Bin;
use serde::{Deserialize, Serialize};

use super::populations::PopulationsSpec;
use super::probe::{Probe, ProbeSpec, dataset_names};
use crate::exit::UsageError;

/// Most of the strongest links of a layer that get a row in the table `links`.
pub(crate) const MOST_STRONGEST_LINKS: u16 = 1024;

/// The key of study files and of records that says how many are.
pub(crate) const STRONGEST_LINKS_KEY: &str = "strongest_links";

/// What a checkpoint is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Against {
    /// The checkpoint that it was made from, as the catalog says.
    Parent,
}

/// The metrics that are measured, where `named` are asked for by name: against a parent, those that
/// need one as well, unless some of them are named.
///
/// # Errors
/// A metric needs a parent, and checkpoints are compared with nothing.
pub(crate) fn metrics_against(
    against: Option<Against>,
    mut named: Vec<Metric>,
) -> Result<Vec<Metric>, UsageError> {
    let of_lineage = named.iter().find(|metric| metric.needs_parent());
    match (against, of_lineage) {
        (None, Some(metric)) => Err(UsageError(format!(
            "metric {metric} compares a checkpoint with its parent: add --against parent, or \
             against = \"parent\" in [measure]"
        ))),
        (Some(Against::Parent), None) => {
            named.extend(Metric::LINEAGE);
            Ok(named)
        }
        _ => Ok(named),
    }
}

/// How checkpoints are measured.
#[derive(Clone, Debug)]
pub(crate) struct MeasurePlan {
    /// Options of the metrics, and how many of the strongest links are kept.
    pub(crate) options: MeasureOptions,
    /// Inputs for the data-dependent metrics.
    pub(crate) probe: Option<Probe>,
    /// Which neurons get a row in the table `neurons`.
    pub(crate) neurons: NeuronRows,
    /// Twins that are measured beside every network. They are not part of a study's identity:
    /// their tables stand apart, and a twin may be added to a finished study.
    pub(crate) twins: Vec<Twin>,
    /// How networks are grouped into populations, if at all.
    pub(crate) populations: Option<PopulationsSpec>,
    /// What identifies the content of a checkpoint.
    pub(crate) digest: DigestKind,
    /// Limits on what a file may ask for. They are not part of a study's identity: a file that
    /// exceeded one may be tried again with another.
    pub(crate) limits: Limits,
}

/// Which neurons get a row in the table `neurons`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NeuronRows {
    /// None: the table is not written.
    #[default]
    None,
    /// Every neuron.
    Full,
}

/// What identifies the content of a checkpoint in the table `networks`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DigestKind {
    /// BLAKE3 of the whole file.
    #[default]
    Blake3,
    /// Nothing: the column is null.
    None,
}

/// What the values of metrics depend on. It is stored with the tables, and with every classifier
/// trained on them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct MeasuredWith {
    /// Options of the metrics.
    options: MeasureOptions,
    /// `DATASET:split:n`.
    probe: Option<String>,
    /// Digest of the images and labels of the probe: see [`Probe::digest`].
    probe_digest: Option<String>,
}

impl MeasurePlan {
    /// Whether checkpoints are compared with their parents.
    pub(crate) fn is_against_parent(&self) -> bool {
        let mut metrics = self.options.metrics.iter();
        metrics.any(|metric| metric.needs_parent())
    }

    /// The metrics whose values are stored of a checkpoint for populations, given whether it is the
    /// last of its run.
    pub(crate) fn sampled_metrics(&self, is_last: bool) -> &[Metric] {
        match &self.populations {
            Some(populations) => populations.sampled_metrics(is_last),
            None => &[],
        }
    }

    /// The bin that the values of a checkpoint belong to, given whether it is the last of its run;
    /// `None` if none of its values are stored. Call it on a plan that is resolved for the labels.
    pub(crate) fn population_bin(&self, entry: &CatalogEntry, is_last: bool) -> Option<Bin> {
        if self.sampled_metrics(is_last).is_empty() {
            return None;
        }
        let populations = self.populations.as_ref()?;
        populations.bin(entry.labels.get(&populations.label)?)
    }

    /// What values are divided by before they belong to populations.
    pub(crate) fn sample_scale(&self) -> SampleScale {
        let populations = self.populations.as_ref();
        populations.map_or(SampleScale::AsMeasured, PopulationsSpec::scale)
    }

    /// The same plan for label columns of these types, see [`PopulationsSpec::resolved`].
    pub(crate) fn resolved(&self, labels: &[LabelColumn]) -> Self {
        let populations = self.populations.as_ref();
        Self {
            populations: populations.map(|populations| populations.resolved(labels)),
            ..self.clone()
        }
    }

    /// A plan with default digest and limits and without populations. Opens the probe. `datasets`
    /// are the names of the data sets that networks are trained on, for the probe `own`.
    ///
    /// # Errors
    /// The probe is not `DATASET[:split[:n]]` or cannot be opened.
    pub(crate) fn new(
        options: MeasureOptions,
        probe: Option<&str>,
        neurons: NeuronRows,
        datasets: &BTreeSet<&str>,
    ) -> Result<Self, UsageError> {
        let probe = match probe {
            Some(text) => {
                let spec: ProbeSpec = text
                    .parse()
                    .map_err(|error: UsageError| error.with_prefix("probe "))?;
                if spec.is_own() && datasets.is_empty() {
                    return Err(UsageError(
                        "probe 'own' needs a [population]: name the data set".to_owned(),
                    ));
                }
                let opened = Probe::open(&spec, datasets);
                Some(opened.map_err(|error| UsageError::from_error(&error))?)
            }
            None => None,
        };
        Ok(Self {
            options,
            probe,
            neurons,
            twins: Vec::new(),
            populations: None,
            digest: DigestKind::default(),
            limits: Limits::default(),
        })
    }

    /// The plan to measure checkpoints exactly as those that a classifier was trained on.
    ///
    /// # Errors
    /// The text is not from [`MeasurePlan::measured_with`]; the probe cannot be opened, or has
    /// changed since.
    pub(crate) fn from_measured_with(text: &str) -> anyhow::Result<Self> {
        let trained_with: MeasuredWith = serde_json::from_str(text)
            .context("cannot read how the training tables of this classifier were measured")?;
        let probe_name = trained_with.probe.as_deref();
        let datasets = dataset_names(trained_with.probe_digest.as_deref().unwrap_or_default());
        let plan = Self::new(
            trained_with.options,
            probe_name,
            NeuronRows::None,
            &datasets,
        )?;
        let digest_now = plan.probe_digest();
        if digest_now != trained_with.probe_digest {
            bail!(
                "the probe {} has changed: its digest is {}, and was {} when the classifier was \
                 trained",
                trained_with.probe.unwrap_or_default(),
                digest_now.unwrap_or_default(),
                trained_with.probe_digest.unwrap_or_default(),
            );
        }
        Ok(plan)
    }

    /// Options and probe as JSON text. Two plans with the same text give the same values.
    pub(crate) fn measured_with(&self) -> String {
        let measured_with = MeasuredWith {
            options: self.options.clone(),
            probe: self.probe.as_ref().map(|probe| probe.spec.to_string()),
            probe_digest: self.probe_digest(),
        };
        serde_json::to_string(&measured_with).unwrap_or_default()
    }

    fn probe_digest(&self) -> Option<String> {
        self.probe.as_ref().map(Probe::digest)
    }
}

/// Each twin once, in the order of [`Twin::ALL`].
pub(crate) fn distinct_twins(twins: &[Twin]) -> Vec<Twin> {
    let all = Twin::ALL.into_iter();
    all.filter(|twin| twins.contains(twin)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_against_a_parent_are_measured_only_against_one() {
        let biases = || vec![Metric::Biases];
        assert_eq!(metrics_against(None, biases()).unwrap(), biases());
        let all = metrics_against(Some(Against::Parent), biases()).unwrap();
        assert_eq!(all, [&biases()[..], &Metric::LINEAGE].concat());
        let named = vec![Metric::Biases, Metric::RelativeChange];
        let kept = metrics_against(Some(Against::Parent), named.clone()).unwrap();
        assert_eq!(kept, named);
        let error = metrics_against(None, named).unwrap_err();
        assert!(error.0.contains("relative_change") && error.0.contains("--against parent"));
    }
}
