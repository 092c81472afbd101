//! Experiments that stand for one experiment per value of a column.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::LazyFrame;

use super::Population;
use crate::error::Result;
use crate::spec::{ExperimentSpec, Transfer};

/// Characters that a folder's name cannot hold, or should not.
fn is_in_folder_name(character: char) -> bool {
    !character.is_control() && !matches!(character, '/' | '\\')
}

impl ExperimentSpec {
    /// The experiments that this section stands for: itself, or one for each value of the column of
    /// `transfer` or `protocol.test`, named `<name>@<value>`. The values are those of the networks
    /// that take part.
    ///
    /// # Errors
    /// As [`Population::read`].
    pub fn expand(
        &self,
        networks: LazyFrame,
        labels: &BTreeMap<String, String>,
    ) -> Result<Vec<Self>> {
        let Some(column) = self.expanded_column() else {
            return Ok(vec![self.clone()]);
        };
        let values = Population::column_values(networks, self, column, labels)?;
        let values: BTreeSet<String> = values.into_iter().flatten().collect();
        Ok(values
            .into_iter()
            .map(|value| self.of_value(value))
            .collect())
    }

    /// The column whose values each make an experiment.
    pub(crate) fn expanded_column(&self) -> Option<&str> {
        if let Some(Transfer::Column { column, from: None }) = &self.transfer {
            return Some(column);
        }
        match &self.protocol.test {
            Some(test) if test.value.is_none() => Some(&test.column),
            _ => None,
        }
    }

    fn of_value(&self, value: String) -> Self {
        let mut spec = self.clone();
        let in_name: String = value
            .chars()
            .map(|character| {
                if is_in_folder_name(character) {
                    character
                } else {
                    '_'
                }
            })
            .collect();
        spec.name = format!("{}@{in_name}", self.name);
        if let Some(Transfer::Column { from, .. }) = &mut spec.transfer {
            *from = Some(value);
        } else if let Some(test) = &mut spec.protocol.test {
            test.value = Some(value);
        }
        spec
    }
}
