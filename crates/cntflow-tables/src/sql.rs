//! The tables of a folder for SQL.

use std::fmt;

use polars::prelude::{DataFrame, IdxSize, LazyFrame, PolarsError};
use polars::sql::SQLContext;

use crate::{Table, TableStore, TablesError};

/// The tables of twins that can be queried.
const OF_TWINS: [Table; 3] = [Table::Networks, Table::Layers, Table::Links];

/// A table under its name in SQL: `networks`, `networks_shuffle`, ...
#[derive(Clone, Debug)]
pub struct NamedTable {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub store: TableStore,
    /// Which one it is there.
    pub table: Table,
}

/// All tables of a folder that can be queried, whether they are there or not. The summaries in
/// `populations` are bytes that SQL cannot use.
pub fn named_tables(tables: &TableStore, twins: &[&str]) -> Vec<NamedTable> {
    let named = |name: String, store: &TableStore, table| NamedTable {
        name,
        store: store.clone(),
        table,
    };
    let real = Table::ALL.into_iter();
    let real = real.filter(|table| *table != Table::Populations);
    let real = real.chain(Table::OF_EXPERIMENT);
    let real = real.map(|table| named(table.name().to_owned(), tables, table));
    let twins = twins.iter().flat_map(|twin| {
        let store = tables.twin(twin);
        OF_TWINS.map(|table| named(format!("{}_{twin}", table.name()), &store, table))
    });
    real.chain(twins).collect()
}

/// The committed tables of a folder, to ask SQL about them.
pub struct SqlTables {
    context: SQLContext,
    names: Vec<String>,
    /// Columns of `networks`.
    network_columns: Vec<String>,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The query is wrong.
    #[error("query: {source}\ntables here: {tables}")]
    Wrong {
        /// What is wrong.
        source: PolarsError,
        /// The tables that there are.
        tables: String,
    },
    /// A table cannot be read.
    #[error("a table cannot be read")]
    Read(#[from] PolarsError),
}

impl SqlTables {
    /// Opens the tables that are there: of networks, of these twins, and of experiments. Those of
    /// `experiments` are looked for; on a disk the folder is listed as well.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn open(
        tables: &TableStore,
        twins: &[&str],
        experiments: &[&str],
    ) -> Result<Self, TablesError> {
        let (context, mut names) = (SQLContext::new(), Vec::new());
        let mut network_columns = Vec::new();
        for NamedTable { name, store, table } in named_tables(tables, twins) {
            match store.scan(table) {
                Ok(mut frame) => {
                    if name == Table::Networks.name() {
                        let schema = frame.collect_schema().map_err(TablesError::Scan)?;
                        network_columns = schema.iter_names().map(|n| n.to_string()).collect();
                    }
                    context.register(&name, frame);
                    names.push(name);
                }
                Err(TablesError::Empty { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for (name, frame) in tables.scan_experiments(experiments)? {
            context.register(name, frame);
            names.push(name.to_owned());
        }
        Ok(Self {
            context,
            names,
            network_columns,
        })
    }

    /// Whether there are no tables.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a table is there.
    pub fn has(&self, table: &str) -> bool {
        self.names.iter().any(|name| name == table)
    }

    /// The columns of `networks`; none where it is not there.
    pub fn network_columns(&self) -> &[String] {
        &self.network_columns
    }

    /// The answer to a query.
    ///
    /// # Errors
    /// The query is wrong, or a table cannot be read.
    pub fn query(&self, sql: &str) -> Result<DataFrame, SqlError> {
        let mut answer = self.plan(sql)?.collect()?;
        answer.rechunk_mut();
        Ok(answer)
    }

    /// The first rows of the answer to a query, at most `most`.
    ///
    /// # Errors
    /// As [`SqlTables::query`].
    pub fn query_first(&self, sql: &str, most: IdxSize) -> Result<FirstRows, SqlError> {
        // One more tells whether there are others.
        let mut frame = self.plan(sql)?.limit(most.saturating_add(1)).collect()?;
        let most = most as usize;
        let is_cut = frame.height() > most;
        if is_cut {
            frame = frame.head(Some(most));
        }
        frame.rechunk_mut();
        Ok(FirstRows { frame, is_cut })
    }

    /// `collect_schema` looks up all columns. An error up to that point means that the query is
    /// wrong. A later error means that a table cannot be read.
    fn plan(&self, sql: &str) -> Result<LazyFrame, SqlError> {
        let wrong = |source| SqlError::Wrong {
            source,
            tables: self.names.join(", "),
        };
        let mut plan = self.context.clone().execute(sql).map_err(wrong)?;
        plan.collect_schema().map_err(wrong)?;
        Ok(plan)
    }
}

/// The start of an answer.
#[derive(Debug)]
pub struct FirstRows {
    /// Its rows.
    pub frame: DataFrame,
    /// Whether the answer has more.
    pub is_cut: bool,
}

impl fmt::Debug for SqlTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlTables")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
