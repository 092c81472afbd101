//! A section of the page, and what sections are made of.

use cntflow_tables::SqlTables;

use crate::error::ReportError;
use crate::figure::Figure;
use crate::report::{Fact, Report};

/// A section of the page.
#[derive(Debug)]
pub(crate) struct Section {
    /// Unique in the page.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) facts: Vec<Fact>,
    /// Sentences before the figures.
    pub(crate) sentences: Vec<String>,
    pub(crate) figures: Vec<Figure>,
}

impl Section {
    pub(crate) fn new(id: &str, title: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            title: title.into(),
            facts: Vec::new(),
            sentences: Vec::new(),
            figures: Vec::new(),
        }
    }

    pub(crate) fn sentence(mut self, sentence: impl Into<String>) -> Self {
        self.sentences.push(sentence.into());
        self
    }

    /// Adds a figure, if there is one.
    pub(crate) fn with(mut self, figure: Option<Figure>) -> Self {
        self.figures.extend(figure);
        self
    }
}

/// What sections are made of.
pub(crate) struct Context<'a> {
    pub(crate) tables: &'a SqlTables,
    pub(crate) report: &'a Report<'a>,
    /// Which columns `networks` has.
    columns: Vec<String>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(report: &'a Report<'a>) -> Result<Self, ReportError> {
        let tables = report.tables;
        let columns = if tables.has("networks") {
            let none = tables.query("SELECT * FROM networks LIMIT 0");
            let none = none.map_err(|source| ReportError::Query {
                figure: "columns of networks".to_owned(),
                source,
            })?;
            let names = none.get_column_names();
            names.iter().map(|name| name.to_string()).collect()
        } else {
            Vec::new()
        };
        Ok(Self {
            tables,
            report,
            columns,
        })
    }

    /// Whether `networks` has a column.
    pub(crate) fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column == name)
    }
}

/// A name within SQL, in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text within SQL, in single quotes.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A name as an identifier of the page: letters, digits and hyphens.
pub(crate) fn slug(name: &str) -> String {
    let letters = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    letters.collect()
}
