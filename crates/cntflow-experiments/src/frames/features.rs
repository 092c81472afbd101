//! The feature columns of an experiment.

use polars::prelude::{Column, DataFrame};

use crate::error::Result;
use crate::evaluation::Experiment;

impl Experiment {
    /// One row per network and twin: `experiment`, `twin`, `checkpoint`, `group`, then every
    /// feature column under its name. A feature that a network lacks is null.
    ///
    /// # Errors
    /// Polars' own.
    pub fn feature_frame(&self) -> Result<DataFrame> {
        let twins = std::iter::once(None).chain(self.spec.controls.iter().copied().map(Some));
        let n_rows = self.population.n_rows();
        let mut names: Vec<&String> = self
            .sources
            .iter()
            .flat_map(|source| source.table().names())
            .collect();
        names.sort();
        names.dedup();
        let twin_names: Vec<Option<&str>> = twins
            .flat_map(|twin| std::iter::repeat_n(twin.map(|twin| twin.name()), n_rows))
            .collect();
        let height = n_rows * self.sources.len();
        let repeated = |list: Vec<&str>| -> Vec<String> {
            let all = std::iter::repeat_n(list, self.sources.len()).flatten();
            all.map(str::to_owned).collect()
        };
        let checkpoints = self
            .population
            .checkpoints
            .iter()
            .map(String::as_str)
            .collect();
        let groups = self
            .population
            .groups
            .iter()
            .map(|group| self.population.group_names[*group as usize].as_str())
            .collect();
        let mut columns = vec![
            Column::new("experiment".into(), vec![self.spec.name.as_str(); height]),
            Column::new("twin".into(), twin_names),
            Column::new("checkpoint".into(), repeated(checkpoints)),
            Column::new("group".into(), repeated(groups)),
        ];
        for name in names {
            let mut values: Vec<Option<f64>> = Vec::with_capacity(height);
            for source in &self.sources {
                let table = source.table();
                match table.names().iter().position(|other| other == name) {
                    None => values.extend(std::iter::repeat_n(None, n_rows)),
                    Some(column) => {
                        let numbers = table.values().column(column).to_vec();
                        values.extend(numbers.into_iter().map(|x| x.is_finite().then_some(x)));
                    }
                }
            }
            columns.push(Column::new(name.as_str().into(), values));
        }
        Ok(DataFrame::new(height, columns)?)
    }
}
