//! Populations of a study: the section of the study file, what a network gives to its population, and the tables made of them.

use cntflow_checkpoint::{CatalogEntry, Label, LabelColumn, LabelKind};
use cntflow_discriminate::DEFAULT_ACCURACY;
use cntflow_metrics::population::{
    AccuracyBins, Compared, DEFAULT_WIDTH, LayerSample, SampleSummary, ValueSource, compare,
};
use cntflow_metrics::{Metric, NetworkMetrics, population::architecture_signature};
use cntflow_tables::{
    Bin, ComparisonWriter, Group, Member, NetworkSamples, Population, Table, TableStore,
    TablesError, View,
};
use polars::prelude::{AnyValue, DataFrame, col};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exit::UsageError;
use crate::folder::StudyFolder;
use crate::study_record::StudyRecord;

/// Metrics that populations are made of where none are named: of the weights and neurons, and with a probe of what the neurons do.
const DEFAULT_METRICS: [Metric; 4] = [
    Metric::LinkWeights,
    Metric::NodesStrength,
    Metric::NeuronsStrength,
    Metric::NeuronsActivation,
];

/// Name of the view of populations by bins of a label.
const ENSEMBLE: &str = "ensemble";

/// `[populations]` as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PopulationsSection {
    label: Option<String>,
    width: Option<f64>,
    metrics: Option<Vec<Metric>>,
}

/// Which networks are one population, and what is compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Populations {
    /// The label column that bins are made of.
    pub(crate) label: String,
    /// Width of a bin.
    pub(crate) width: f64,
    /// What is compared.
    pub(crate) metrics: Vec<Metric>,
}

impl Populations {
    /// Checks the section against what is measured.
    ///
    /// # Errors
    /// A width that is none, or a metric that is not measured: the text says which.
    pub(crate) fn from_section(
        section: PopulationsSection,
        measured: &[Metric],
        with_probe: bool,
    ) -> Result<Self, String> {
        let width = section.width.unwrap_or(DEFAULT_WIDTH);
        if AccuracyBins::new(width).is_none() {
            return Err(format!("width {width} is not positive"));
        }
        let metrics = match section.metrics {
            None => Self::default_metrics(with_probe),
            Some(metrics) if metrics.is_empty() => return Err("metrics: none".to_owned()),
            Some(metrics) => metrics,
        };
        for &metric in &metrics {
            if metric.needs_inputs() && !with_probe {
                return Err(format!("metric {metric} needs a probe in [measure]"));
            }
            if ValueSource::of(metric) == ValueSource::Row && !measured.contains(&metric) {
                return Err(format!(
                    "metric {metric} is not measured: see [measure] metrics"
                ));
            }
        }
        Ok(Self {
            label: section.label.unwrap_or_else(|| DEFAULT_ACCURACY.to_owned()),
            width,
            metrics,
        })
    }

    /// Those of an empty section.
    pub(crate) fn by_default(with_probe: bool) -> Self {
        Self {
            label: DEFAULT_ACCURACY.to_owned(),
            width: DEFAULT_WIDTH,
            metrics: Self::default_metrics(with_probe),
        }
    }

    fn default_metrics(with_probe: bool) -> Vec<Metric> {
        let known = DEFAULT_METRICS.into_iter();
        known
            .filter(|metric| with_probe || !metric.needs_inputs())
            .collect()
    }

    /// Refuses a label that no checkpoint can have: the tables would be empty without a word.
    pub(crate) fn refuse_unknown_label(&self, labels: &[LabelColumn]) -> Result<(), UsageError> {
        let numbers =
            |label: &&LabelColumn| matches!(label.kind, LabelKind::Integer | LabelKind::Real);
        let names: Vec<&str> = labels
            .iter()
            .filter(numbers)
            .map(|label| label.name.as_str())
            .collect();
        if names.contains(&self.label.as_str()) {
            return Ok(());
        }
        Err(UsageError(format!(
            "[populations] no label '{}' with numbers; there are {}",
            self.label,
            names.join(", ")
        )))
    }

    /// What a measured network gives to its population; `None` where its label is missing.
    pub(crate) fn samples(
        &self,
        entry: &CatalogEntry,
        metrics: &NetworkMetrics,
        samples: Vec<LayerSample>,
    ) -> Option<NetworkSamples> {
        let label = match entry.labels.get(&self.label)? {
            Label::Real(value) => *value,
            Label::Integer(value) => *value as f64,
            Label::Flag(_) | Label::Text(_) => return None,
        };
        let bins = AccuracyBins::new(self.width)?;
        let bin = bins.bin(label)?;
        let (low, high) = bins.bounds(bin);
        Some(NetworkSamples {
            bin: Bin { bin, low, high },
            architecture: architecture_signature(metrics),
            samples,
        })
    }
}

/// What became of the populations.
#[derive(Clone, Debug, Default)]
pub(crate) struct PopulationsMade {
    /// Networks measured that are in a bin.
    pub(crate) networks: u64,
    /// Networks measured whose label is missing: in no bin.
    pub(crate) without_label: u64,
    /// Groups of layers that were compared.
    pub(crate) groups: u64,
    /// Populations in all groups.
    pub(crate) populations: u64,
    /// Pairs compared.
    pub(crate) pairs: u64,
}

/// Makes the tables `densities` and `divergences` from everything committed, on `threads` threads.
///
/// # Errors
/// A part cannot be read, or a table not be written.
pub(crate) fn make_tables(
    folder: &StudyFolder,
    record: &StudyRecord,
    spec: &Populations,
    threads: usize,
) -> anyhow::Result<PopulationsMade> {
    let tables = folder.tables();
    let mut made = count_networks(&tables, &spec.label)?;
    let mut metadata = record.metadata();
    metadata.push((
        "cntflow.populations".to_owned(),
        serde_json::to_string(spec)?,
    ));
    let view = View {
        view: ENSEMBLE,
        label: &spec.label,
    };
    let mut groups = Groups {
        populations: tables.populations()?,
        next: None,
    };
    tables.write_comparisons(view, &metadata, |writer| -> anyhow::Result<()> {
        loop {
            let some = groups.take(threads)?;
            if some.is_empty() {
                return Ok(());
            }
            for (ready, compared) in some.iter().zip(compare_all(&some)) {
                made.groups += 1;
                made.populations += ready.members.len() as u64;
                made.pairs += compared.pairs.len() as u64;
                write(writer, ready, &compared)?;
            }
        }
    })?;
    Ok(made)
}

fn write(
    writer: &mut ComparisonWriter<'_>,
    ready: &Ready,
    compared: &Compared,
) -> Result<(), TablesError> {
    writer.write(&ready.group, &ready.members, compared)
}

/// The populations of one group, in the order of their bins.
struct Ready {
    group: Group,
    members: Vec<Member>,
    samples: Vec<SampleSummary>,
}

/// Groups as they come from the parts, one population read ahead.
struct Groups {
    populations: cntflow_tables::Populations,
    next: Option<(Group, Population)>,
}

impl Groups {
    /// The next groups, at most `n`.
    fn take(&mut self, n: usize) -> Result<Vec<Ready>, TablesError> {
        let mut groups = Vec::new();
        while groups.len() < n
            && let Some(group) = self.one()?
        {
            groups.push(group);
        }
        Ok(groups)
    }

    fn one(&mut self) -> Result<Option<Ready>, TablesError> {
        let first = match self.next.take() {
            Some(next) => Some(next),
            None => self.read()?,
        };
        let Some((group, population)) = first else {
            return Ok(None);
        };
        let mut ready = Ready {
            group,
            members: Vec::new(),
            samples: Vec::new(),
        };
        ready.add(population);
        while let Some((group, population)) = self.read()? {
            if group != ready.group {
                self.next = Some((group, population));
                break;
            }
            ready.add(population);
        }
        Ok(Some(ready))
    }

    fn read(&mut self) -> Result<Option<(Group, Population)>, TablesError> {
        let next = self.populations.next().transpose()?;
        Ok(next.map(|(key, population)| (key.group, population)))
    }
}

impl Ready {
    fn add(&mut self, population: Population) {
        self.members.push(Member {
            bin: population.bin,
            networks: population.networks,
            count: population.sample.count(),
        });
        self.samples.push(population.sample);
    }
}

/// Compares the members of each group, a thread for each.
fn compare_all(groups: &[Ready]) -> Vec<Compared> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = groups
            .iter()
            .map(|ready| scope.spawn(|| compare(&ready.samples)))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Compared>| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    })
}

/// Networks measured, with and without the label.
fn count_networks(tables: &TableStore, label: &str) -> anyhow::Result<PopulationsMade> {
    let networks = tables.scan(Table::Networks)?;
    let frame = networks.select([col("status"), col(label)]).collect()?;
    let mut made = PopulationsMade::default();
    for row in 0..frame.height() {
        if value(&frame, "status", row)? != AnyValue::String("ok") {
            continue;
        }
        match value(&frame, label, row)?.extract::<f64>() {
            Some(number) if number.is_finite() => made.networks += 1,
            _ => made.without_label += 1,
        }
    }
    Ok(made)
}

fn value<'a>(frame: &'a DataFrame, column: &str, row: usize) -> anyhow::Result<AnyValue<'a>> {
    Ok(frame.column(column)?.get(row)?)
}

impl PopulationsMade {
    /// A line for the end of a run.
    pub(crate) fn text(&self) -> String {
        format!(
            "populations  {} in {} groups (shape, layer, metric), {} pairs compared; {} networks in bins, {} without the label left out",
            self.populations, self.groups, self.pairs, self.networks, self.without_label
        )
    }

    /// The same for machines.
    pub(crate) fn json(&self) -> Value {
        json!({
            "groups": self.groups,
            "populations": self.populations,
            "pairs": self.pairs,
            "networks": self.networks,
            "without_label": self.without_label,
        })
    }
}
