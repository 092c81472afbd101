//! A matrix of features whose columns have names.

use ndarray::{Array2, ArrayView2, Axis};

/// Features with one row per network and columns sorted by name. NaN marks a feature that the
/// network lacks; no value is infinite.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureTable {
    names: Vec<String>,
    /// `[n_rows, names.len()]`, row by row in memory.
    values: Array2<f64>,
}

impl FeatureTable {
    /// A table of (name, values) columns, each with `n_rows` values. Infinite values become NaN. Of
    /// columns of one name the first is taken.
    ///
    /// # Panics
    /// A column has another number of values.
    pub fn from_columns(mut columns: Vec<(String, Vec<f64>)>, n_rows: usize) -> Self {
        columns.sort_by(|a, b| a.0.cmp(&b.0));
        columns.dedup_by(|a, b| a.0 == b.0);
        let mut values = Array2::from_elem((n_rows, columns.len()), f64::NAN);
        let mut names = Vec::with_capacity(columns.len());
        for (index, (name, column)) in columns.into_iter().enumerate() {
            assert_eq!(column.len(), n_rows, "rows of the column `{name}`");
            for (cell, value) in values.column_mut(index).iter_mut().zip(column) {
                if value.is_finite() {
                    *cell = value;
                }
            }
            names.push(name);
        }
        Self { names, values }
    }

    /// Number of networks.
    pub fn n_rows(&self) -> usize {
        self.values.nrows()
    }

    /// Number of features.
    pub fn n_columns(&self) -> usize {
        self.names.len()
    }

    /// Names of the columns, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// All values, `[n_rows, n_columns]`.
    pub fn values(&self) -> ArrayView2<'_, f64> {
        self.values.view()
    }

    /// The index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names
            .binary_search_by(|other| other.as_str().cmp(name))
            .ok()
    }

    /// The given columns. They keep the order of this table, whatever the order of `columns`.
    pub fn select(&self, columns: &[usize]) -> Self {
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        columns.dedup();
        Self {
            names: columns
                .iter()
                .map(|&column| self.names[column].clone())
                .collect(),
            values: self.values.select(Axis(1), &columns),
        }
    }

    /// The given rows, in that order.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        Self {
            names: self.names.clone(),
            values: self.values.select(Axis(0), rows),
        }
    }

    /// The columns of both tables, sorted by name. A column that both have is taken from `self`.
    ///
    /// # Panics
    /// The tables have different numbers of rows.
    pub fn hstack(&self, other: &Self) -> Self {
        let columns = |table: &Self| -> Vec<(String, Vec<f64>)> {
            let values = table.values.columns().into_iter();
            let names = table.names.iter().cloned();
            names.zip(values.map(|column| column.to_vec())).collect()
        };
        let mut all = columns(self);
        all.extend(columns(other));
        Self::from_columns(all, self.n_rows())
    }

    /// The columns that are present in at least the given share of the rows of every class.
    ///
    /// `classes[i]` is the class of `rows[i]`. A class without rows asks for nothing. Where a
    /// column is missing in one class alone, a model could tell that class by what is missing.
    ///
    /// # Panics
    /// `rows` and `classes` have different lengths, or a class is not below `n_classes`.
    pub fn columns_in_every_class(
        &self,
        rows: &[usize],
        classes: &[u32],
        n_classes: usize,
        share: f64,
    ) -> Vec<usize> {
        assert_eq!(rows.len(), classes.len(), "classes of the rows");
        let mut n_of_class = vec![0_usize; n_classes];
        let mut n_present = Array2::<usize>::zeros((n_classes, self.n_columns()));
        for (&row, &class) in rows.iter().zip(classes) {
            n_of_class[class as usize] += 1;
            let counts = n_present.row_mut(class as usize);
            for (count, value) in counts.into_iter().zip(self.values.row(row)) {
                *count += usize::from(value.is_finite());
            }
        }
        let is_in_every_class = |column: &usize| {
            n_of_class
                .iter()
                .enumerate()
                .all(|(class, &n)| n_present[[class, *column]] as f64 >= share * n as f64)
        };
        (0..self.n_columns()).filter(is_in_every_class).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[(&str, &[f64])]) -> FeatureTable {
        let n_rows = columns[0].1.len();
        let columns = columns.iter();
        let columns = columns.map(|(name, values)| ((*name).to_owned(), values.to_vec()));
        FeatureTable::from_columns(columns.collect(), n_rows)
    }

    #[test]
    fn columns_are_sorted_and_infinities_are_missing() {
        let table = table(&[("b", &[1.0, f64::INFINITY]), ("a", &[3.0, 4.0])]);
        assert_eq!(table.names(), ["a", "b"]);
        assert_eq!(table.values()[[0, 1]], 1.0);
        assert!(table.values()[[1, 1]].is_nan());
        assert!(table.values().is_standard_layout());
        assert_eq!(table.column("b"), Some(1));
        assert_eq!(table.select(&[1, 0, 1]).names(), ["a", "b"]);
    }

    #[test]
    fn stacked_tables_hold_a_name_once() {
        let stacked = table(&[("b", &[1.0])]).hstack(&table(&[("a", &[2.0]), ("b", &[9.0])]));
        assert_eq!(stacked.names(), ["a", "b"]);
        assert_eq!(stacked.values()[[0, 1]], 1.0);
    }

    #[test]
    fn a_column_that_one_class_lacks_is_not_in_every_class() {
        let nan = f64::NAN;
        let table = table(&[
            ("everywhere", &[1.0, 2.0, 3.0, 4.0]),
            ("half of class 1", &[1.0, 2.0, 3.0, nan]),
            ("only class 0", &[1.0, 2.0, nan, nan]),
        ]);
        let columns = |share| table.columns_in_every_class(&[0, 1, 2, 3], &[0, 0, 1, 1], 3, share);
        assert_eq!(columns(0.99), [0]);
        assert_eq!(columns(0.5), [0, 1]);
        // The rows asked for decide, not all rows.
        let of_rows = table.columns_in_every_class(&[0, 1, 2], &[0, 0, 1], 2, 0.99);
        assert_eq!(of_rows, [0, 1]);
    }
}
