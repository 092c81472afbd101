//! Groups: networks that are related and stay on one side of every split.

use std::collections::HashMap;

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
