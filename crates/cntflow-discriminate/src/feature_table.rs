//! Features as one plain matrix with names.

use crate::sets::FeatureSet;

/// Numbers with named columns, one row per network; NaN where a network has no such number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FeatureTable {
    pub(crate) names: Vec<String>,
    /// Row by row.
    values: Vec<f64>,
    rows: usize,
}

impl FeatureTable {
    /// A table of the given columns without any number.
    pub(crate) fn missing(names: Vec<String>, rows: usize) -> Self {
        Self {
            values: vec![f64::NAN; names.len() * rows],
            names,
            rows,
        }
    }

    /// A table of columns that have a value for each of `rows` rows.
    pub(crate) fn from_columns(columns: Vec<(String, Vec<f64>)>, rows: usize) -> Self {
        let mut table = Self::missing(columns.iter().map(|(name, _)| name.clone()).collect(), rows);
        for (column, (_, values)) in columns.iter().enumerate() {
            for (row, &value) in values.iter().enumerate() {
                table.set(row, column, value);
            }
        }
        table
    }

    /// Sets the value at a place.
    pub(crate) fn set(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.names.len() + column] = value;
    }

    /// The value at a place; NaN where the network has no such number.
    pub(crate) fn value(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.names.len() + column]
    }

    /// The columns at `chosen`, in that order.
    fn select(&self, chosen: &[usize]) -> Self {
        let values = (0..self.rows)
            .flat_map(|row| chosen.iter().map(move |&column| self.value(row, column)));
        Self {
            names: chosen
                .iter()
                .map(|&column| self.names[column].clone())
                .collect(),
            values: values.collect(),
            rows: self.rows,
        }
    }

    /// The columns whose metric (the name up to its first dot) belongs to `set`.
    pub(crate) fn of_set(&self, set: FeatureSet) -> Self {
        let metric = |name: &str| {
            name.split('.')
                .next()
                .is_some_and(|metric| set.holds(metric))
        };
        let chosen: Vec<usize> = (0..self.names.len())
            .filter(|&column| metric(&self.names[column]))
            .collect();
        self.select(&chosen)
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    use super::FeatureTable;

    /// A table of the given columns.
    pub(crate) fn table(columns: &[(&str, Vec<f64>)]) -> FeatureTable {
        let rows = columns[0].1.len();
        let columns = columns
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.clone()));
        FeatureTable::from_columns(columns.collect(), rows)
    }
}
