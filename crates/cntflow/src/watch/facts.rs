//! What follows from the checkpoints of a study while it is watched: bins, thresholds and means.

use std::collections::BTreeMap;

use cntflow_catalog::{CatalogEntry, Label, LabelColumn};
use cntflow_dataflow::{Facts, Group, Totals};
use cntflow_experiments::spec::{DEFAULT_LABEL, Target};
use cntflow_experiments::target::{LearnedTarget, RawTarget};
use cntflow_metrics::Metric;
use cntflow_metrics::population::{AccuracyBins, DEFAULT_WIDTH};
use cntflow_tables::Status;
use serde_json::{Value, json};

use super::table_rows::{TableRow, mean_of, metric_index};
use crate::study::plan::Plan;
use crate::study::populations::PopulationsSpec;

/// Statuses as totals know them.
const STATUSES: [Status; 3] = [Status::Ok, Status::Failed, Status::Skipped];

/// Kind of the groups that are bins; kind k + 1 has the labels of target k.
const BINS: u32 = 0;

/// What is counted and summed.
#[derive(Debug)]
pub(super) struct FactPlan {
    bins: Bins,
    /// Names and targets of the experiments whose classes have thresholds, and their label columns.
    targets: Vec<(String, Target, String)>,
    /// Values of the label by their group, where each value is a population.
    values: BTreeMap<i64, String>,
}

/// The bins of networks.
#[derive(Debug)]
enum Bins {
    /// Those of the study's populations.
    OfPopulations(PopulationsSpec),
    /// Those of the default label.
    OfAccuracy(AccuracyBins),
    None,
}

impl FactPlan {
    /// The facts of a study whose tables have these labels.
    pub(super) fn new(plan: &Plan, labels: &[LabelColumn]) -> Self {
        let bins = match (&plan.measure.populations, AccuracyBins::new(DEFAULT_WIDTH)) {
            (Some(spec), _) => Bins::OfPopulations(spec.resolved(labels)),
            (None, Some(bins)) => Bins::OfAccuracy(bins),
            (None, None) => Bins::None,
        };
        let experiments = plan.experiments.iter();
        let targets = experiments.filter(|spec| has_thresholds(&spec.target));
        let targets = targets.map(|spec| {
            let alias = spec.target.label();
            let column = plan.labels.get(alias).map_or(alias, String::as_str);
            (spec.name.clone(), spec.target.clone(), column.to_owned())
        });
        Self {
            bins,
            targets: targets.collect(),
            values: BTreeMap::new(),
        }
    }

    /// The same facts, where the tables have got more labels.
    pub(super) fn with_labels(&mut self, plan: &Plan, labels: &[LabelColumn]) -> Self {
        Self {
            values: std::mem::take(&mut self.values),
            ..Self::new(plan, labels)
        }
    }

    /// What a measured checkpoint adds to the totals.
    pub(super) fn facts(&mut self, entry: &CatalogEntry, row: &TableRow) -> Facts {
        let is_measured = row.status == Status::Ok;
        let mut groups = Vec::new();
        if is_measured {
            groups.extend(self.bin(entry));
            for (index, (_, _, column)) in self.targets.iter().enumerate() {
                if let Some(value) = entry.labels.get(column).and_then(number) {
                    groups.push((index as u32 + 1, ordered(value)));
                }
            }
        }
        let status = STATUSES.iter().position(|status| *status == row.status);
        Facts {
            status: status.unwrap_or_default() as u8,
            groups,
            sums: if is_measured {
                row.means.clone()
            } else {
                Vec::new()
            },
        }
    }

    fn bin(&mut self, entry: &CatalogEntry) -> Option<Group> {
        match &self.bins {
            Bins::OfPopulations(spec) => {
                let bin = spec.bin(entry.labels.get(&spec.label)?)?;
                let Some(value) = bin.value else {
                    return Some((BINS, bin.bin));
                };
                let digest = blake3::hash(value.as_bytes());
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&digest.as_bytes()[..8]);
                let group = i64::from_le_bytes(bytes);
                self.values.insert(group, value);
                Some((BINS, group))
            }
            Bins::OfAccuracy(bins) => {
                let value = number(entry.labels.get(DEFAULT_LABEL)?)?;
                Some((BINS, bins.bin(value)?))
            }
            Bins::None => None,
        }
    }

    /// Number of checkpoints by status.
    pub(super) fn status_counts(totals: &Totals) -> Value {
        let count = |status: Status| {
            let index = STATUSES.iter().position(|other| *other == status);
            let n = totals.by_status.get(&(index.unwrap_or_default() as u8));
            n.copied().unwrap_or_default()
        };
        json!({
            "ok": count(Status::Ok),
            "failed": count(Status::Failed),
            "skipped": count(Status::Skipped),
        })
    }

    /// The bins whose number of networks is another one than before.
    pub(super) fn moved_bins(&self, before: &Totals, now: &Totals) -> Vec<Value> {
        let of = |totals: &Totals, group: i64| {
            let n = totals.by_group.get(&(BINS, group));
            n.copied().unwrap_or_default()
        };
        let groups = |totals: &Totals| {
            let all = totals.by_group.range((BINS, i64::MIN)..=(BINS, i64::MAX));
            all.map(|((_, group), _)| *group).collect::<Vec<_>>()
        };
        let mut all = groups(before);
        all.extend(groups(now));
        all.sort_unstable();
        all.dedup();
        all.into_iter()
            .map(|group| (group, of(before, group), of(now, group)))
            .filter(|(_, before, now)| before != now)
            .map(|(group, before, now)| {
                let mut bin = self.bin_text(group);
                bin["before"] = before.into();
                bin["now"] = now.into();
                bin
            })
            .collect()
    }

    fn bin_text(&self, group: i64) -> Value {
        if let Some(value) = self.values.get(&group) {
            return json!({ "value": value });
        }
        let bins = match &self.bins {
            Bins::OfPopulations(spec) => AccuracyBins::new(spec.width),
            Bins::OfAccuracy(bins) => Some(*bins),
            Bins::None => None,
        };
        let bounds = bins.map(|bins| bins.bounds(group));
        json!({ "low": bounds.map(|(low, _)| low), "high": bounds.map(|(_, high)| high) })
    }

    /// The thresholds of each experiment's classes over the last checkpoints of all runs.
    pub(super) fn thresholds(&self, totals: &Totals) -> Vec<Value> {
        let targets = self.targets.iter().enumerate();
        targets
            .filter_map(|(index, (name, target, _))| {
                let kind = index as u32 + 1;
                let all = totals.by_group.range((kind, i64::MIN)..=(kind, i64::MAX));
                let values: Vec<f64> = all
                    .flat_map(|((_, value), n)| {
                        std::iter::repeat_n(from_ordered(*value), usize::try_from(*n).unwrap_or(0))
                    })
                    .collect();
                if values.is_empty() {
                    return None;
                }
                let rows: Vec<usize> = (0..values.len()).collect();
                let learned = LearnedTarget::learn(target, &RawTarget::Numbers(values), &rows);
                let mut thresholds = match learned {
                    LearnedTarget::LowHigh(found) => {
                        json!({ "low": found.low, "high": found.high })
                    }
                    LearnedTarget::Cuts(cuts) => json!({ "cuts": cuts }),
                    _ => return None,
                };
                thresholds["experiment"] = name.as_str().into();
                thresholds["networks"] = rows.len().into();
                Some(thresholds)
            })
            .collect()
    }

    /// The mean of each metric over the last checkpoints of all runs.
    pub(super) fn means(totals: &Totals) -> Value {
        let mut means = serde_json::Map::new();
        for &metric in Metric::ALL {
            if let Some(&(n, sum)) = totals.sums.get(&metric_index(metric))
                && n > 0
            {
                let mean = json!({ "networks": n, "mean": mean_of(sum, n) });
                means.insert(metric.as_str().to_owned(), mean);
            }
        }
        Value::Object(means)
    }
}

fn has_thresholds(target: &Target) -> bool {
    use cntflow_experiments::spec::ClassRule;

    matches!(
        target,
        Target::LowHigh { .. }
            | Target::Classes {
                rule: ClassRule::Quantiles(_),
                ..
            }
    )
}

/// A label as a finite number.
fn number(label: &Label) -> Option<f64> {
    let value = match label {
        Label::Real(value) => *value,
        Label::Integer(value) => *value as f64,
        Label::Flag(_) | Label::Text(_) => return None,
    };
    value.is_finite().then_some(value)
}

/// A whole number for each real, in the order of the reals.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The real of a whole number, see [`ordered`].
fn from_ordered(bits: i64) -> f64 {
    f64::from_bits((bits ^ (((bits >> 63) as u64) >> 1) as i64) as u64)
}

#[cfg(test)]
mod tests {
    use super::{from_ordered, ordered};

    #[test]
    fn whole_numbers_have_the_order_of_the_reals_that_they_stand_for() {
        let reals = [f64::MIN, -1.5, -0.0, 0.0, 1e-300, 0.25, f64::MAX];
        for pair in reals.windows(2) {
            assert!(ordered(pair[0]) < ordered(pair[1]), "{pair:?}");
        }
        for real in reals {
            assert_eq!(from_ordered(ordered(real)).to_bits(), real.to_bits());
        }
    }
}
