//! The tables declared as data: each column's name, type, unit and meaning.
//!
//! Arrow schemas, the checks of what is written, `cntflow query --schema` and the table reference
//! of the documentation are all made from these lists. Changing a list changes
//! [`SCHEMA_VERSION`](crate::SCHEMA_VERSION).

mod check;
mod column;
pub mod coverage;
pub mod densities;
mod describe;
pub mod divergences;
pub mod experiments;
pub mod layers;
pub mod links;
pub mod networks;
pub mod neurons;
pub mod populations;
mod reference;

use arrow_schema::{Field, Schema};

pub(crate) use self::check::{checked_batch, own_columns};
pub(crate) use self::column::element_field;
pub use self::column::{Column, ColumnType, LABELS};
pub use self::describe::ColumnDescription;
pub(crate) use self::describe::type_name;
pub use self::reference::reference_page;
use crate::table::Table;

impl Table {
    /// The columns, in the order of the file.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Networks => networks::COLUMNS,
            Self::Layers => layers::COLUMNS,
            Self::Neurons => neurons::COLUMNS,
            Self::Links => links::COLUMNS,
            Self::Coverage => coverage::COLUMNS,
            Self::Populations => populations::COLUMNS,
            Self::Densities => densities::COLUMNS,
            Self::Divergences => divergences::COLUMNS,
            Self::Fits => experiments::fits::COLUMNS,
            Self::Scores => experiments::scores::COLUMNS,
            Self::Predictions => experiments::predictions::COLUMNS,
            Self::Folds => experiments::folds::COLUMNS,
            Self::Importance => experiments::importance::COLUMNS,
            Self::Controls => experiments::controls::COLUMNS,
            Self::Confusion => experiments::confusion::COLUMNS,
            Self::Transfer => experiments::transfer::COLUMNS,
            Self::Stopping => experiments::stopping::COLUMNS,
            Self::LearningCurve => experiments::learning_curve::COLUMNS,
            Self::Verdicts => experiments::verdicts::COLUMNS,
        }
    }

    /// What one row is, and which columns identify it.
    pub fn row_meaning(self) -> &'static str {
        match self {
            Self::Networks => "One row per checkpoint, measured or not. Key: `checkpoint`.",
            Self::Layers => {
                "One row per checkpoint, layer and metric. Key: `checkpoint`, `layer`, `name`, `metric`."
            }
            Self::Neurons => {
                "One row per checkpoint, layer and neuron. Key: `checkpoint`, `layer`, `neuron`."
            }
            Self::Links => {
                "One row per checkpoint, layer of links and rank: the strongest links of each layer, of studies with `strongest_links` alone. Key: `checkpoint`, `layer`, `name`, `rank`."
            }
            Self::Coverage => {
                "One row per checkpoint and tensor of its file. Key: `checkpoint`, `tensor`."
            }
            Self::Populations => {
                "One row per group of comparable layers, bin and network (per group and bin if all checkpoints are compared): an internal summary that `densities` and `divergences` are made from. `cntflow query` does not list it."
            }
            Self::Densities => {
                "One row per population and point of its density. Key: `architecture`, `layer`, `name`, `metric`, `bin`, `point`."
            }
            Self::Divergences => {
                "One row per pair of populations of one group. Key: `architecture`, `layer`, `name`, `metric`, `bin_a`, `bin_b`."
            }
            Self::Fits => {
                "One row per fit. Key: `experiment`, `candidate`, `stage`, `repeat`, `fold`, `n_groups`, `setting_index`."
            }
            Self::Scores => {
                "One row per candidate and stratum. Key: `experiment`, `features`, `twin`, `model`, `stratum`."
            }
            Self::Predictions => {
                "One row per candidate and held-out network. Key: `experiment`, `features`, `twin`, `model`, `set`, `repeat`, `checkpoint`."
            }
            Self::Folds => {
                "One row per network and repeat. Key: `experiment`, `checkpoint`, `repeat`."
            }
            Self::Importance => {
                "One row per candidate and feature column. Key: `experiment`, `features`, `twin`, `model`, `column`."
            }
            Self::Controls => {
                "One row per control and feature choice. Key: `experiment`, `control`, `features`, `figure`."
            }
            Self::Confusion => {
                "One row per candidate, stratum, actual and predicted class; of classes alone. Key: `experiment`, `features`, `twin`, `model`, `stratum`, `actual`, `predicted`."
            }
            Self::Transfer => {
                "One row per pair of populations and feature set; of experiments with `transfer` alone. Key: `experiment`, `trained_on`, `tested_on`, `features`."
            }
            Self::Stopping => {
                "One row per feature set and threshold; of targets low and high with `at = \"last\"` alone. Key: `experiment`, `features`, `threshold`."
            }
            Self::LearningCurve => {
                "One row per feature choice and number of training groups; of experiments with `learning_curve` alone. Key: `experiment`, `features`, `twin`, `n_groups`."
            }
            Self::Verdicts => "One row per comparison. Key: `experiment`, `a`, `b`.",
        }
    }

    /// The Arrow schema of a table without label columns.
    pub(crate) fn schema(self) -> Schema {
        let columns = self.columns().iter();
        let fields = columns
            .filter_map(|column| Some(Field::new(column.name, column.data_type.arrow()?, true)));
        Schema::new(fields.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_column_has_a_name_of_its_own_and_a_sentence() {
        for table in Table::ALL {
            let columns = table.columns();
            let names: BTreeSet<&str> = columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), columns.len(), "{}", table.name());
            for column in columns {
                let sentence = column.doc.ends_with('.') && !column.doc.contains('|');
                assert!(sentence, "{}.{}: {}", table.name(), column.name, column.doc);
            }
        }
    }

    #[test]
    fn only_networks_has_label_columns() {
        let with_labels = Table::ALL.into_iter().filter(|table| {
            let mut columns = table.columns().iter();
            columns.any(|column| column.data_type == ColumnType::Label)
        });
        assert_eq!(with_labels.collect::<Vec<_>>(), [Table::Networks]);
    }
}
