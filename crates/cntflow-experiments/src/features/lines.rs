//! The rows of the table `layers` that belong to the population, with texts as integer codes.
//!
//! A table of 50,000 networks has millions of rows, so it is never in memory as a whole: keys come
//! first, then a few statistics at a time.

use std::collections::HashMap;

use polars::prelude::{DataFrame, LazyFrame, StringChunked};

use super::error::{FeatureError, Result};
use super::metrics::{ALL_WEIGHTS, is_of_probe};
use crate::error::ExperimentError;
use crate::population::columns::{collect_columns, numbers};

pub(super) const TABLE: &str = "layers";

/// Texts and their codes, in the order in which they came.
#[derive(Default)]
pub(super) struct Dictionary {
    texts: Vec<String>,
    codes: HashMap<String, u32>,
}

impl Dictionary {
    fn code(&mut self, text: &str) -> u32 {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        let code = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.codes.insert(text.to_owned(), code);
        code
    }

    pub(super) fn text(&self, code: u32) -> &str {
        &self.texts[code as usize]
    }

    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }
}

/// The key of one row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    /// Row of the population.
    pub(super) network: u32,
    pub(super) layer: u32,
    pub(super) metric: u32,
    pub(super) name: u32,
    pub(super) kind: u32,
    pub(super) role: u32,
}

/// All rows of the population's networks.
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    pub(super) metrics: Dictionary,
    pub(super) names: Dictionary,
    pub(super) kinds: Dictionary,
    pub(super) roles: Dictionary,
    /// For each network, the number of its layers of neurons; 0 if it has no row.
    pub(super) n_layers: Vec<u32>,
    /// For each line, its row in the table. Polars counts rows in 32 bits too.
    table_rows: Vec<u32>,
    /// Height of the table, and a digest of its column `layer`.
    order: (usize, u64),
}

impl Lines {
    /// Reads the keys. Rows of other networks are left out.
    ///
    /// # Errors
    /// A column is missing or has another type; any error of Polars.
    pub(super) fn read(
        layers: &LazyFrame,
        row_of: &HashMap<&str, u32>,
        n_networks: usize,
    ) -> Result<Self> {
        let frame = read_frame(layers, &["checkpoint", "metric"])?;
        let mut read = Self {
            lines: Vec::new(),
            metrics: Dictionary::default(),
            names: Dictionary::default(),
            kinds: Dictionary::default(),
            roles: Dictionary::default(),
            n_layers: vec![0; n_networks],
            table_rows: Vec::new(),
            order: order(&frame)?,
        };
        read.add_lines(&frame, row_of)?;
        drop(frame);
        let frame = read_frame(layers, &["name", "kind", "role"])?;
        read.check_order(&frame, "name")?;
        let (rows, lines) = (&read.table_rows, &mut read.lines);
        let set_name = |line: &mut Line, code| line.name = code;
        encode(
            text_column(&frame, "name")?,
            rows,
            lines,
            &mut read.names,
            set_name,
        );
        let set_kind = |line: &mut Line, code| line.kind = code;
        encode(
            text_column(&frame, "kind")?,
            rows,
            lines,
            &mut read.kinds,
            set_kind,
        );
        let set_role = |line: &mut Line, code| line.role = code;
        encode(
            text_column(&frame, "role")?,
            rows,
            lines,
            &mut read.roles,
            set_role,
        );
        Ok(read)
    }

    fn add_lines(&mut self, frame: &DataFrame, row_of: &HashMap<&str, u32>) -> Result<()> {
        let checkpoints = text_column(frame, "checkpoint")?;
        let metrics = text_column(frame, "metric")?;
        let layers = frame
            .column("layer")?
            .cast(&polars::prelude::DataType::UInt32)?;
        let layers = layers.as_materialized_series().u32()?;
        // Neighbouring rows are mostly of one checkpoint, so its row is looked up once for all.
        let mut last: Option<(&str, Option<u32>)> = None;
        let keys = checkpoints.iter().zip(metrics.iter()).zip(layers.iter());
        for (table_row, ((checkpoint, metric), layer)) in keys.enumerate() {
            let (Some(checkpoint), Some(metric), Some(layer)) = (checkpoint, metric, layer) else {
                continue;
            };
            let network = match last {
                Some((name, network)) if name == checkpoint => network,
                _ => row_of.get(checkpoint).copied(),
            };
            last = Some((checkpoint, network));
            let Some(network) = network else { continue };
            if metric != ALL_WEIGHTS && !is_of_probe(metric) {
                let n_layers = &mut self.n_layers[network as usize];
                *n_layers = (*n_layers).max(layer.saturating_add(1));
            }
            self.table_rows.push(table_row as u32);
            self.lines.push(Line {
                network,
                layer,
                metric: self.metrics.code(metric),
                name: 0,
                kind: 0,
                role: 0,
            });
        }
        Ok(())
    }

    /// For each named column of numbers, its value of each line. Null becomes NaN.
    ///
    /// # Errors
    /// A column is missing or holds no numbers; the table changed; any error of Polars.
    pub(super) fn numbers(&self, layers: &LazyFrame, names: &[&str]) -> Result<Vec<Vec<f64>>> {
        let frame = read_frame(layers, names)?;
        self.check_order(&frame, names.first().unwrap_or(&"layer"))?;
        names
            .iter()
            .map(|name| self.of_lines(&frame, name))
            .collect()
    }

    /// The counts, means and standard deviations of each line.
    ///
    /// # Errors
    /// As [`Lines::numbers`].
    pub(super) fn counts_means_stds(&self, layers: &LazyFrame) -> Result<[Vec<f64>; 3]> {
        let names = ["count", "mean", "std"];
        let frame = read_frame(layers, &names)?;
        self.check_order(&frame, names[0])?;
        Ok([
            self.of_lines(&frame, names[0])?,
            self.of_lines(&frame, names[1])?,
            self.of_lines(&frame, names[2])?,
        ])
    }

    fn of_lines(&self, frame: &DataFrame, name: &str) -> Result<Vec<f64>> {
        let values = numbers(frame, TABLE, name)?;
        if self.table_rows.len() == values.len() {
            return Ok(values);
        }
        let rows = self.table_rows.iter();
        Ok(rows.map(|&row| values[row as usize]).collect())
    }

    /// Lines are matched by their place in the table, so each scan must give the same rows.
    fn check_order(&self, frame: &DataFrame, column: &str) -> Result<()> {
        if order(frame)? == self.order {
            return Ok(());
        }
        Err(FeatureError::Changed {
            column: column.to_owned(),
        })
    }

    /// The networks without any line, ascending. Rows that no checkpoint is read into are among
    /// them.
    pub(super) fn without_lines(&self) -> Vec<usize> {
        let mut has_lines = vec![false; self.n_layers.len()];
        for line in &self.lines {
            has_lines[line.network as usize] = true;
        }
        (0..has_lines.len())
            .filter(|row| !has_lines[*row])
            .collect()
    }
}

/// The named columns and `layer`.
fn read_frame(layers: &LazyFrame, names: &[&str]) -> Result<DataFrame> {
    let required: Vec<&str> = ["layer"].iter().chain(names).copied().collect();
    Ok(collect_columns(layers.clone(), TABLE, &required, &[])?)
}

/// Height of a frame and a digest of its column `layer`: other rows, or rows in another order, give
/// another pair.
fn order(frame: &DataFrame) -> Result<(usize, u64)> {
    let layers = frame
        .column("layer")?
        .cast(&polars::prelude::DataType::UInt32)?;
    let layers = layers.as_materialized_series().u32()?;
    let digest = layers.iter().fold(0_u64, |digest, layer| {
        let mixed = digest.rotate_left(5) ^ layer.map_or(u64::MAX, u64::from);
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    Ok((frame.height(), digest))
}

fn text_column<'a>(frame: &'a DataFrame, name: &str) -> Result<&'a StringChunked> {
    let column = frame.column(name)?.as_materialized_series();
    let texts = column.str().map_err(|_| ExperimentError::ColumnType {
        table: TABLE,
        column: name.to_owned(),
        expected: "text",
    })?;
    Ok(texts)
}

/// Gives each line the code of its text. A null is the empty text.
fn encode(
    column: &StringChunked,
    table_rows: &[u32],
    lines: &mut [Line],
    dictionary: &mut Dictionary,
    set: impl Fn(&mut Line, u32),
) {
    let mut wanted = table_rows.iter().zip(lines).peekable();
    let mut last: Option<(&str, u32)> = None;
    for (table_row, text) in column.iter().enumerate() {
        let Some((_, line)) = wanted.next_if(|(row, _)| **row as usize == table_row) else {
            continue;
        };
        let text = text.unwrap_or_default();
        let code = match last {
            Some((other, code)) if other == text => code,
            _ => dictionary.code(text),
        };
        last = Some((text, code));
        set(line, code);
    }
}
