//! A matrix of features whose columns have names.

use super::set::FeatureSet;

/// Features with one row per network and named columns. NaN marks a feature that the network lacks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FeatureTable {
    pub(crate) names: Vec<String>,
    /// `[n_rows, names.len()]`, row by row.
    values: Vec<f64>,
    n_rows: usize,
}

impl FeatureTable {
    /// A table in which every network lacks every feature.
    pub(crate) fn missing(names: Vec<String>, n_rows: usize) -> Self {
        Self {
            values: vec![f64::NAN; names.len() * n_rows],
            names,
            n_rows,
        }
    }

    /// A table of (name, values) columns, each with one value per row.
    pub(crate) fn from_columns(columns: &[(String, Vec<f64>)], n_rows: usize) -> Self {
        let names = columns.iter().map(|(name, _)| name.clone()).collect();
        let mut table = Self::missing(names, n_rows);
        for (column, (_, values)) in columns.iter().enumerate() {
            for (row, &value) in values.iter().enumerate() {
                table.set(row, column, value);
            }
        }
        table
    }

    /// Sets one value.
    pub(crate) fn set(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.names.len() + column] = value;
    }

    /// One value; NaN if the network lacks the feature.
    pub(crate) fn value(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.names.len() + column]
    }

    /// The given columns, in that order.
    fn select(&self, columns: &[usize]) -> Self {
        let values = (0..self.n_rows)
            .flat_map(|row| columns.iter().map(move |&column| self.value(row, column)));
        Self {
            names: columns
                .iter()
                .map(|&column| self.names[column].clone())
                .collect(),
            values: values.collect(),
            n_rows: self.n_rows,
        }
    }

    /// The columns whose metric belongs to `set`. A column's metric is its
    /// name up to the first dot.
    pub(crate) fn columns_of_set(&self, set: FeatureSet) -> Self {
        let is_of_set = |name: &str| {
            name.split('.')
                .next()
                .is_some_and(|metric| set.contains(metric))
        };
        let columns: Vec<usize> = (0..self.names.len())
            .filter(|&column| is_of_set(&self.names[column]))
            .collect();
        self.select(&columns)
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    use super::FeatureTable;

    /// A table of the given columns.
    pub(crate) fn table(columns: &[(&str, Vec<f64>)]) -> FeatureTable {
        let n_rows = columns[0].1.len();
        let columns: Vec<(String, Vec<f64>)> = columns
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.clone()))
            .collect();
        FeatureTable::from_columns(&columns, n_rows)
    }
}
