//! Groups: networks that are related and stay on one side of every split.

use std::collections::{BTreeMap, HashMap};

/// Which group each row belongs to.
///
/// Rows that share a value of any of the columns are one group, and so are rows that are connected
/// through others (connected components). `None` where a row has no value in any column.
pub(super) fn connected_groups(
    columns: &[Vec<Option<String>>],
    n_rows: usize,
) -> Vec<Option<usize>> {
    let mut parents: Vec<usize> = (0..n_rows).collect();
    for column in columns {
        let mut first_of_value: HashMap<&str, usize> = HashMap::new();
        for (row, value) in column.iter().enumerate() {
            let Some(value) = value else { continue };
            let first = *first_of_value.entry(value).or_insert(row);
            let (a, b) = (root(&mut parents, first), root(&mut parents, row));
            // The smaller row is the root, so that the result does not depend on the columns'
            // order.
            parents[a.max(b)] = a.min(b);
        }
    }
    let has_value = |row: usize| columns.iter().any(|column| column[row].is_some());
    (0..n_rows)
        .map(|row| has_value(row).then(|| root(&mut parents, row)))
        .collect()
}

/// The root of a row's tree. Halves the path on the way, so that later calls are short.
fn root(parents: &mut [usize], mut row: usize) -> usize {
    while parents[row] != row {
        parents[row] = parents[parents[row]];
        row = parents[row];
    }
    row
}

/// For each chosen row the index of its group, and the groups' names, sorted.
pub(super) fn named_groups(
    rows: &[usize],
    groups: &[Option<usize>],
    runs: &[Option<String>],
    checkpoints: &[Option<String>],
) -> (Vec<u32>, Vec<String>) {
    let name = |row: usize| runs[row].clone().or_else(|| checkpoints[row].clone());
    let mut name_of_root: BTreeMap<usize, String> = BTreeMap::new();
    for &row in rows {
        let (Some(root), Some(name)) = (groups[row], name(row)) else {
            continue;
        };
        let smallest = name_of_root.entry(root).or_insert_with(|| name.clone());
        if name < *smallest {
            *smallest = name;
        }
    }
    let mut by_name: Vec<(String, usize)> = name_of_root
        .into_iter()
        .map(|(root, name)| (name, root))
        .collect();
    by_name.sort();
    let index_of_root: BTreeMap<usize, u32> = by_name
        .iter()
        .enumerate()
        .map(|(index, (_, root))| (*root, index as u32))
        .collect();
    let index = |row: &usize| groups[*row].map_or(0, |root| index_of_root[&root]);
    (
        rows.iter().map(index).collect(),
        by_name.into_iter().map(|(name, _)| name).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[Option<&str>]) -> Vec<Option<String>> {
        values
            .iter()
            .map(|value| value.map(str::to_owned))
            .collect()
    }

    #[test]
    fn rows_that_are_connected_through_another_column_are_one_group() {
        let runs = column(&[Some("a"), Some("a"), Some("b"), Some("c"), None]);
        let parents = column(&[None, Some("p"), Some("p"), None, None]);
        let groups = connected_groups(&[runs, parents], 5);
        assert_eq!(groups, [Some(0), Some(0), Some(0), Some(3), None]);
    }
}
