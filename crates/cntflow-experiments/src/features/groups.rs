//! Groups of lines: those of one metric and one slot, from which columns are made.

use std::collections::HashMap;

use super::lines::{Line, Lines};
use super::metrics::{
    ALL_WEIGHTS, Sets, baseline_sets, baseline_sets_of_statistic, cnt_sets, cnt_statistics,
    is_of_probe,
};
use super::slots::{Place, Slot, gate, has_tail};
use crate::spec::Representation;

/// How the values of one network in a group become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Summary {
    /// The value, or the mean of several.
    Mean,
    /// The population standard deviation of several; missing for a single one, whose deviation of 0
    /// would tell the depth.
    Std,
}

/// The lines of one metric and one slot.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) metric: String,
    slot: Slot,
    /// Whether it is a slot of CNT metrics.
    is_cnt: bool,
    /// Whether it is a slot of the baselines.
    is_baseline: bool,
    /// Whether it is of the output layer.
    is_output: bool,
    /// Whether the statistics are normalised.
    pub(super) is_normalised: bool,
    /// Indices of its lines, by network.
    pub(super) lines: Vec<u32>,
}

/// What a group is found by: metric, slot, and whether it is normalised.
type Key = (u32, Slot, bool);

impl Group {
    fn new(metric: &str, slot: Slot, is_normalised: bool) -> Self {
        Self {
            metric: metric.to_owned(),
            slot,
            is_cnt: false,
            is_baseline: false,
            is_output: false,
            is_normalised,
            lines: Vec::new(),
        }
    }

    /// The sets of the column of one statistic.
    pub(super) fn sets(
        &self,
        statistic: &str,
        summary: Summary,
        representation: Representation,
    ) -> Sets {
        let mut sets = Sets::NONE;
        if self.is_cnt && cnt_statistics(representation).contains(&statistic) {
            sets = cnt_sets(&self.metric);
        }
        if self.is_baseline && summary == Summary::Mean {
            let of_baselines = baseline_sets_of_statistic(&self.metric, statistic, self.is_output);
            sets = sets.union(of_baselines);
        }
        sets
    }

    /// The summaries of the group. `hidden_std` has no place in a representation that must not tell
    /// the depth.
    pub(super) fn summaries(&self) -> &'static [Summary] {
        if self.slot.is_shared && !self.is_normalised {
            &[Summary::Mean, Summary::Std]
        } else {
            &[Summary::Mean]
        }
    }

    /// `metric.slot.statistic`.
    pub(super) fn column_name(&self, statistic: &str, summary: Summary) -> String {
        let summary = match (self.slot.is_shared, summary) {
            (false, _) => "",
            (true, Summary::Mean) => "_mean",
            (true, Summary::Std) => "_std",
        };
        format!("{}.{}.{statistic}", self.metric, self.slot.name(summary))
    }
}

/// Sorts the lines into groups, those of the `wanted` sets alone.
pub(super) fn group_lines(
    lines: &Lines,
    representation: Representation,
    wanted: Sets,
) -> Vec<Group> {
    let first_others = first_layers_with_tails(lines);
    let mut groups: Vec<Group> = Vec::new();
    let mut index_of: HashMap<Key, u32> = HashMap::new();
    // Lines with the same metric, layer, depth, kind, name and role have the same groups.
    let mut known: HashMap<(Line, u32, bool), [Option<u32>; 2]> = HashMap::new();
    for (index, line) in lines.lines.iter().enumerate() {
        let network = line.network as usize;
        let n_layers = lines.n_layers[network];
        let is_behind_others = line.layer > first_others[network];
        let anonymous = Line {
            network: 0,
            ..*line
        };
        let of_line = known
            .entry((anonymous, n_layers, is_behind_others))
            .or_insert_with(|| {
                let place = place(lines, line, n_layers, is_behind_others);
                let metric = lines.metrics.text(line.metric);
                let slots = slots(metric, place, representation, wanted);
                slots.map(|slot| {
                    let (slot, is_cnt) = slot?;
                    let is_normalised = is_cnt && representation == Representation::RoleNormalised;
                    let key = (line.metric, slot.clone(), is_normalised);
                    let index = *index_of.entry(key).or_insert_with(|| {
                        groups.push(Group::new(metric, slot, is_normalised));
                        groups.len() as u32 - 1
                    });
                    let group = &mut groups[index as usize];
                    group.is_cnt |= is_cnt;
                    group.is_baseline |= !is_cnt;
                    group.is_output |= place.role == "output";
                    Some(index)
                })
            });
        let [first, second] = *of_line;
        for group in [first, second.filter(|_| second != first)]
            .into_iter()
            .flatten()
        {
            groups[group as usize].lines.push(index as u32);
        }
    }
    for group in &mut groups {
        let network = |line: &u32| lines.lines[*line as usize].network;
        if !group.lines.is_sorted_by_key(network) {
            group.lines.sort_by_key(network);
        }
    }
    groups
}

fn place<'a>(lines: &'a Lines, line: &Line, n_layers: u32, is_behind_others: bool) -> Place<'a> {
    let kind = lines.kinds.text(line.kind);
    let metric = lines.metrics.text(line.metric);
    Place {
        layer: line.layer,
        n_layers,
        role: lines.roles.text(line.role),
        kind,
        is_behind_others,
        gate: gate(lines.names.text(line.name), kind, metric),
    }
}

/// The slots of a line among the CNT metrics (`true`) and among the baselines (`false`).
fn slots(
    metric: &str,
    place: Place<'_>,
    representation: Representation,
    wanted: Sets,
) -> [Option<(Slot, bool)>; 2] {
    let of_cnt = if cnt_sets(metric).meets(wanted) {
        Slot::of_cnt(place, representation)
    } else {
        None
    };
    let of_baseline = if !baseline_sets(metric).meets(wanted) {
        None
    } else if metric == ALL_WEIGHTS {
        Some(Slot::once("network"))
    } else if is_of_probe(metric) {
        Some(Slot::once("output"))
    } else {
        Some(Slot::of_tensor(place, representation))
    };
    [
        of_cnt.map(|slot| (slot, true)),
        of_baseline.map(|slot| (slot, false)),
    ]
}

/// For each network, its first layer behind which dense layers are tails; `u32::MAX` for none.
fn first_layers_with_tails(lines: &Lines) -> Vec<u32> {
    let kinds = lines.kinds.texts().iter();
    let has_tail: Vec<bool> = kinds.map(|kind| has_tail(kind)).collect();
    let mut first = vec![u32::MAX; lines.n_layers.len()];
    for line in &lines.lines {
        if has_tail[line.kind as usize] {
            let first = &mut first[line.network as usize];
            *first = (*first).min(line.layer);
        }
    }
    first
}
