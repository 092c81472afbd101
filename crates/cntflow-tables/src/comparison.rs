//! Writing the tables `densities` and `divergences`, one group of populations after the other; both
//! are replaced whole or not at all.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use cntflow_metrics::population::Compared;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use crate::compared_population::{DensityBand, Member, TestedPair, View};
use crate::comparison_rows::{densities, divergences};
use crate::error::TablesError;
use crate::part::properties;
use crate::population::Group;
use crate::store::{ONLY_PART, TableStore, file_name};
use crate::table::Table;

/// Takes compared groups of populations, and writes their rows.
pub struct ComparisonWriter<'w> {
    view: View<'w>,
    densities: TableWriter<'w>,
    divergences: TableWriter<'w>,
}

impl std::fmt::Debug for ComparisonWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComparisonWriter")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

impl TableStore {
    /// Replaces the tables `densities` and `divergences` by what `fill` writes. If `fill` fails,
    /// both stay as they were. `metadata` goes into both files.
    ///
    /// # Errors
    /// The error of `fill`; [`TablesError::Io`] or [`TablesError::WriteParquet`] if a file cannot
    /// be written.
    pub fn write_comparisons<E: From<TablesError> + From<std::io::Error>>(
        &self,
        view: View<'_>,
        metadata: &[(String, String)],
        fill: impl FnOnce(&mut ComparisonWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let folders = [Table::Densities, Table::Divergences].map(|table| self.folder(table));
        let name = file_name(ONLY_PART);
        folders[0].write(&name, |densities| {
            folders[1].write(&name, |divergences| {
                let mut writer = ComparisonWriter {
                    view,
                    densities: TableWriter::open(Table::Densities, metadata, densities)?,
                    divergences: TableWriter::open(Table::Divergences, metadata, divergences)?,
                };
                fill(&mut writer)?;
                writer.densities.close()?;
                writer.divergences.close()?;
                Ok(())
            })
        })
    }
}

impl ComparisonWriter<'_> {
    /// Writes the rows of `densities` of one group. `compared.curves` and `bands` follow the order
    /// of `members`.
    ///
    /// # Errors
    /// [`TablesError::WriteParquet`] if the rows cannot be written.
    pub fn write_densities(
        &mut self,
        group: &Group,
        members: &[Member],
        compared: &Compared,
        bands: &[Option<DensityBand>],
    ) -> Result<(), TablesError> {
        // One member at a time: each has a thousand rows.
        for ((member, curve), band) in members.iter().zip(&compared.curves).zip(bands) {
            let grid = compared.grid.as_ref();
            let rows = densities(&self.view, group, member, (curve, band.as_ref()), grid)?;
            self.densities.write(&rows)?;
        }
        Ok(())
    }

    /// Writes the rows of `divergences` of one group.
    ///
    /// # Errors
    /// [`TablesError::WriteParquet`] if the rows cannot be written.
    pub fn write_divergences(
        &mut self,
        group: &Group,
        members: &[Member],
        pairs: &[TestedPair],
    ) -> Result<(), TablesError> {
        let rows = divergences(&self.view, group, members, pairs)?;
        self.divergences.write(&rows)
    }
}

/// An open file of one table.
struct TableWriter<'w> {
    table: Table,
    writer: ArrowWriter<&'w mut (dyn Write + Send)>,
}

impl<'w> TableWriter<'w> {
    fn open(
        table: Table,
        metadata: &[(String, String)],
        file: &'w mut (dyn Write + Send),
    ) -> Result<Self, TablesError> {
        let schema = Arc::new(table.schema());
        let properties = properties(table, &schema, metadata);
        let writer = ArrowWriter::try_new(file, schema, Some(properties));
        Ok(Self {
            table,
            writer: writer.map_err(|source| failed(table, source))?,
        })
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<(), TablesError> {
        let written = self.writer.write(rows);
        written.map_err(|source| failed(self.table, source))
    }

    fn close(self) -> Result<(), TablesError> {
        let closed = self.writer.close();
        closed.map_err(|source| failed(self.table, source))?;
        Ok(())
    }
}

fn failed(table: Table, source: ParquetError) -> TablesError {
    TablesError::WriteParquet {
        path: table.name().into(),
        source,
    }
}
