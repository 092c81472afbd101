//! What SQL would read now, as texts that are others once it is something else.

use std::collections::BTreeSet;

use crate::error::TablesError;
use crate::store::TableStore;
use crate::table::Table;

impl TableStore {
    /// A text for each committed batch, and for each part of the tables without batches. Reading
    /// them costs a look at names, not at rows. Fits of experiments are left out: they change all
    /// the time while an experiment is at work, and its results follow from them.
    ///
    /// # Errors
    /// A folder cannot be listed, or a merged part not be read. A part that is replaced meanwhile
    /// is such an error, too.
    pub fn stamps(
        &self,
        twins: &[&str],
        experiments: &[&str],
    ) -> Result<BTreeSet<String>, TablesError> {
        let mut stamps = BTreeSet::new();
        stamps.extend(self.batches()?);
        for twin in twins {
            let batches = self.twin(twin).batches()?.into_iter();
            stamps.extend(batches.map(|batch| format!("{twin}/{batch}")));
        }
        for table in [Table::Densities, Table::Divergences] {
            stamps.extend(self.part_stamps(table)?);
        }
        for name in self.experiment_names(experiments)? {
            let experiment = self.experiment(&name);
            for table in Table::OF_EXPERIMENT {
                if table != Table::Fits {
                    let parts = experiment.part_stamps(table)?.into_iter();
                    stamps.extend(parts.map(|part| format!("{name}/{part}")));
                }
            }
        }
        Ok(stamps)
    }

    /// Name and content of each part of a table without batches.
    fn part_stamps(&self, table: Table) -> Result<Vec<String>, TablesError> {
        let parts = self.parts(table)?.into_iter();
        let stamps = parts.map(|part| {
            let stamp = part.stamp()?.text;
            Ok(format!("{}/{} {stamp}", table.name(), part.name))
        });
        stamps.collect()
    }
}
