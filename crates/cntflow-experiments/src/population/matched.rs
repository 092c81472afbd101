//! Matched designs: networks are put into cells by bins of labels, and every class keeps the same
//! number of networks in each cell.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::DataFrame;
use serde::Serialize;

use super::columns::{LabelColumn, NETWORKS, labels};
use crate::error::{ExperimentError, Result};
use crate::spec::MatchRule;

/// What a matched design kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatchedNetworks {
    /// Networks before.
    pub n_before: usize,
    /// Networks that were kept.
    pub n_networks: usize,
    /// Cells with any network.
    pub n_cells: usize,
    /// Cells of which networks were kept.
    pub n_kept_cells: usize,
    /// The classes, with what was kept of each.
    pub classes: Vec<MatchedClass>,
}

/// One class of a matched design.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatchedClass {
    /// Its name.
    pub name: String,
    /// Networks that were kept.
    pub n_networks: usize,
    /// For each matched label its name and its mean over these networks; no mean of texts.
    pub means: Vec<(String, Option<f64>)>,
}

/// Networks that are to be matched, one entry per network.
pub(super) struct Matching<'a> {
    /// The cell; `None` where a matched label is missing.
    pub(super) cells: Vec<Option<String>>,
    /// The class; `None` between classes. Such a network is kept with its group.
    pub(super) classes: Vec<Option<u32>>,
    /// Number of classes.
    pub(super) n_classes: usize,
    /// The group.
    pub(super) groups: &'a [u32],
    /// For each group its name.
    pub(super) group_names: &'a [String],
    /// Seed of the choice.
    pub(super) seed: u64,
}

/// The networks of one cell.
struct Cell {
    /// For each class, how many are kept.
    counts: Vec<usize>,
    /// For each class, its groups in the order in which they are left out, the next one last.
    groups: Vec<Vec<u32>>,
}

impl Matching<'_> {
    /// For each network whether it is kept. A group is kept or left out as a whole.
    ///
    /// While the classes of a cell differ in size, the largest one loses a group. Which one it is
    /// depends on the seed and the names of its groups alone, so that networks of other cells do
    /// not change the choice.
    pub(super) fn kept(&self) -> Vec<bool> {
        let mut is_kept = vec![true; self.group_names.len()];
        for (row, cell) in self.cells.iter().enumerate() {
            is_kept[self.groups[row] as usize] &= cell.is_some();
        }
        let mut cells = self.cells_of(&is_kept);
        let mut places: Vec<Vec<(&str, usize)>> = vec![Vec::new(); self.group_names.len()];
        for row in 0..self.cells.len() {
            if let (Some(cell), Some(class)) = (&self.cells[row], self.classes[row]) {
                places[self.groups[row] as usize].push((cell, class as usize));
            }
        }
        let mut unequal: BTreeSet<&str> = cells.keys().copied().collect();
        while let Some(name) = unequal.pop_first() {
            let Some(group) = cells.get_mut(name).and_then(|cell| cell.next(&is_kept)) else {
                continue;
            };
            is_kept[group as usize] = false;
            for &(cell, class) in &places[group as usize] {
                if let Some(other) = cells.get_mut(cell) {
                    other.counts[class] -= 1;
                }
                unequal.insert(cell);
            }
        }
        self.groups
            .iter()
            .map(|group| is_kept[*group as usize])
            .collect()
    }

    /// What was kept. `kept` are the networks, `labels` the matched ones of all.
    pub(super) fn describe(
        &self,
        kept: &[usize],
        class_names: Vec<String>,
        labels: &[(String, LabelColumn)],
    ) -> MatchedNetworks {
        let n_cells = |networks: &mut dyn Iterator<Item = usize>| {
            let cells: BTreeSet<&String> = networks
                .filter_map(|network| self.cells[network].as_ref())
                .collect();
            cells.len()
        };
        let class = |(name, index): (String, u32)| {
            let is_of_class = |network: &usize| self.classes[*network] == Some(index);
            let networks: Vec<usize> = kept.iter().copied().filter(is_of_class).collect();
            MatchedClass {
                name,
                n_networks: networks.len(),
                means: labels
                    .iter()
                    .map(|(label, column)| (label.clone(), mean(column, &networks)))
                    .collect(),
            }
        };
        MatchedNetworks {
            n_before: self.cells.len(),
            n_networks: kept.len(),
            n_cells: n_cells(&mut (0..self.cells.len())),
            n_kept_cells: n_cells(&mut kept.iter().copied()),
            classes: class_names.into_iter().zip(0..).map(class).collect(),
        }
    }

    fn cells_of(&self, is_kept: &[bool]) -> BTreeMap<&str, Cell> {
        let mut cells: BTreeMap<&str, Cell> = BTreeMap::new();
        for row in 0..self.cells.len() {
            let group = self.groups[row];
            let (Some(cell), Some(class)) = (&self.cells[row], self.classes[row]) else {
                continue;
            };
            if is_kept[group as usize] {
                let cell = cells.entry(cell).or_insert_with(|| Cell {
                    counts: vec![0; self.n_classes],
                    groups: vec![Vec::new(); self.n_classes],
                });
                cell.counts[class as usize] += 1;
                cell.groups[class as usize].push(group);
            }
        }
        let ranks: Vec<_> = self
            .group_names
            .iter()
            .map(|name| self.rank(name))
            .collect();
        for groups in cells.values_mut().flat_map(|cell| &mut cell.groups) {
            groups.sort_by_key(|group| ranks[*group as usize]);
            groups.dedup();
        }
        cells
    }

    /// A number by which the groups of a cell are ordered, the same whatever others there are.
    fn rank(&self, name: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(name.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

impl Cell {
    /// The group that is left out next; `None` if the classes have the same size.
    fn next(&mut self, is_kept: &[bool]) -> Option<u32> {
        let (least, most) = (self.counts.iter().min()?, self.counts.iter().max()?);
        if least == most {
            return None;
        }
        let largest = self.counts.iter().position(|count| count == most)?;
        let groups = &mut self.groups[largest];
        while let Some(group) = groups.pop() {
            if is_kept[group as usize] {
                return Some(group);
            }
        }
        None
    }
}

/// The cell of each of the rows: the bins of all rules, and the side that the row is on.
///
/// # Errors
/// A label holds texts where bins need numbers.
pub(super) fn cells<'a>(
    frame: &DataFrame,
    rules: &[MatchRule],
    rows: &[usize],
    side: impl Fn(usize) -> Option<&'a str>,
) -> Result<Vec<Option<String>>> {
    let mut cells: Vec<Option<String>> = rows
        .iter()
        .map(|&row| Some(side(row).unwrap_or_default().to_owned()))
        .collect();
    for rule in rules {
        let bins = bins(frame, rule, rows)?;
        for (cell, bin) in cells.iter_mut().zip(bins) {
            *cell = cell
                .take()
                .zip(bin)
                .map(|(cell, bin)| format!("{cell}\0{bin}"));
        }
    }
    Ok(cells)
}

/// The bin of each of the rows.
///
/// # Errors
/// The label holds texts where bins need numbers.
pub(super) fn bins(
    frame: &DataFrame,
    rule: &MatchRule,
    rows: &[usize],
) -> Result<Vec<Option<String>>> {
    match labels(frame, NETWORKS, &rule.label)?.select(rows) {
        LabelColumn::Numbers(values) => Ok(values.iter().map(|value| rule.bin(*value)).collect()),
        LabelColumn::Texts(values) if !rule.needs_numbers() => Ok(values),
        LabelColumn::Texts(_) => Err(ExperimentError::ColumnType {
            table: NETWORKS,
            column: rule.label.clone(),
            expected: "numbers, which `width` and `factor` need",
        }),
    }
}

/// The mean of a label over some rows; `None` for texts and without rows.
fn mean(column: &LabelColumn, rows: &[usize]) -> Option<f64> {
    let LabelColumn::Numbers(values) = column else {
        return None;
    };
    let sum: f64 = rows.iter().map(|&row| values[row]).sum();
    (!rows.is_empty()).then(|| sum / rows.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Networks as (group, cell, class).
    fn kept(networks: &[(&str, &str, u32)], seed: u64) -> Vec<String> {
        let names: BTreeSet<&str> = networks.iter().map(|network| network.0).collect();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let index = |name: &str| names.iter().position(|other| other == name).unwrap() as u32;
        let groups: Vec<u32> = networks.iter().map(|network| index(network.0)).collect();
        let matching = Matching {
            cells: networks
                .iter()
                .map(|network| Some(network.1.to_owned()))
                .collect(),
            classes: networks.iter().map(|network| Some(network.2)).collect(),
            n_classes: 2,
            groups: &groups,
            group_names: &names,
            seed,
        };
        let kept = matching.kept().into_iter().zip(networks);
        kept.filter(|(is_kept, _)| *is_kept)
            .map(|(_, network)| network.0.to_owned())
            .collect()
    }

    #[test]
    fn every_class_keeps_as_many_networks_of_a_cell_as_the_rarest() {
        let networks = [
            ("a", "x", 0),
            ("b", "x", 0),
            ("c", "x", 0),
            ("d", "x", 1),
            ("e", "y", 0),
            ("f", "z", 0),
            ("g", "z", 1),
        ];
        let kept = kept(&networks, 1);
        assert_eq!(kept.len(), 4);
        assert!(
            ["d", "f", "g"]
                .iter()
                .all(|name| kept.iter().any(|other| other == name))
        );
    }

    #[test]
    fn networks_of_other_cells_do_not_change_the_choice() {
        let mut networks: Vec<(String, &str, u32)> = (0..20)
            .map(|index| (format!("n{index:02}"), "x", u32::from(index % 4 == 0)))
            .collect();
        let choose = |networks: &[(String, &str, u32)], seed| {
            let borrowed: Vec<(&str, &str, u32)> = networks
                .iter()
                .map(|(name, cell, class)| (name.as_str(), *cell, *class))
                .collect();
            kept(&borrowed, seed)
        };
        let before = choose(&networks, 5);
        assert_eq!(before.len(), 10);
        assert_ne!(before, choose(&networks, 6));
        networks.insert(3, ("m".to_owned(), "y", 0));
        networks.insert(9, ("o".to_owned(), "y", 1));
        let mut after = choose(&networks, 5);
        after.retain(|name| name.starts_with('n'));
        assert_eq!(before, after);
    }

    #[test]
    fn a_group_is_kept_or_left_out_as_a_whole() {
        let networks = [
            ("a", "x", 0),
            ("a", "y", 0),
            ("b", "x", 1),
            ("c", "y", 1),
            ("d", "y", 0),
            ("e", "x", 0),
        ];
        for seed in 0..20 {
            let kept = kept(&networks, seed);
            let of_a = kept.iter().filter(|name| *name == "a").count();
            assert!(of_a == 0 || of_a == 2);
            let count = |cell: &str, class: u32| {
                let of_cell = networks.iter().filter(|n| n.1 == cell && n.2 == class);
                of_cell
                    .filter(|n| kept.iter().any(|name| name == n.0))
                    .count()
            };
            for cell in ["x", "y"] {
                assert_eq!(count(cell, 0), count(cell, 1), "{cell} {seed}");
            }
        }
    }
}
