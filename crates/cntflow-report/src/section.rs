//! A section of the page, and what sections are made of.

use cntflow_tables::SqlTables;

use crate::figure::Figure;
use crate::report::{Fact, Report};
use crate::svg::Column;

/// A section of the page.
#[derive(Debug)]
pub(crate) struct Section {
    /// Unique in the page.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) facts: Vec<Fact>,
    /// Facts that are folded.
    pub(crate) options: Vec<Fact>,
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
            options: Vec::new(),
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
    /// Widths for which figures are drawn beside those of the page.
    pub(crate) columns: &'static [Column],
}

impl<'a> Context<'a> {
    /// For the page alone.
    pub(crate) fn new(report: &'a Report<'a>) -> Self {
        Self {
            tables: report.tables,
            report,
            columns: &[],
        }
    }

    /// For the page and for papers.
    pub(crate) fn with_papers(report: &'a Report<'a>) -> Self {
        Self {
            columns: &[Column::One, Column::Two],
            ..Self::new(report)
        }
    }

    /// The label by which networks are good or bad, if there is one that a query can name.
    pub(crate) fn label(&self) -> Option<&'a str> {
        self.report.label.filter(|label| self.has_column(label))
    }

    /// Whether `networks` has a column that a query can name. SQL takes `*`, and a name between `^`
    /// and `$`, for several columns, even in quotes.
    pub(crate) fn has_column(&self, name: &str) -> bool {
        let is_pattern = name == "*" || (name.starts_with('^') && name.ends_with('$'));
        !is_pattern
            && self
                .tables
                .network_columns()
                .iter()
                .any(|column| column == name)
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

/// A name as an identifier of the page: its letters and digits, and a number that tells names apart
/// whose other characters differ.
pub(crate) fn slug(name: &str) -> String {
    let letters = name.chars();
    let letters: String = letters
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let digest = blake3::hash(name.as_bytes()).to_hex();
    format!("{letters}-{}", &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_have_different_identifiers() {
        let names = ["a b", "a-b", "激活", "权重", "a b "];
        let slugs: std::collections::BTreeSet<String> = names.into_iter().map(slug).collect();
        assert_eq!(slugs.len(), names.len());
    }
}
