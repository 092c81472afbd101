//! Writing the tables `densities` and `divergences`: a group of populations at a time, both whole or not at all.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{ArrowError, SchemaRef};
use cntflow_metrics::population::{Compared, Comparison, Curve, NoDensity};
use parquet::arrow::ArrowWriter;

use crate::error::TablesError;
use crate::layers::{batch, reals};
use crate::part::properties;
use crate::population::{Bin, Group};
use crate::store::{TableStore, WHOLE, file_name};
use crate::table::Table;

/// What the rows of both tables have in common.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Name of the view: `ensemble` for populations by bins of a label.
    pub view: &'a str,
    /// The label column that bins are made of.
    pub label: &'a str,
}

/// One of the populations compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Its bin.
    pub bin: Bin,
    /// Number of networks.
    pub networks: u64,
    /// Number of finite values.
    pub count: u64,
}

type FileWriter<'w> = ArrowWriter<&'w mut (dyn Write + Send)>;

/// Takes groups of populations compared, and writes their rows.
pub struct ComparisonWriter<'w> {
    view: View<'w>,
    densities: FileWriter<'w>,
    divergences: FileWriter<'w>,
}

impl std::fmt::Debug for ComparisonWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComparisonWriter")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

impl TableStore {
    /// Replaces the tables `densities` and `divergences` by what `fill` writes; each is whole or as before, and so are both if `fill`
    /// fails. `metadata` goes into both files.
    ///
    /// # Errors
    /// What `fill` says; a file cannot be written.
    pub fn write_comparisons<E: From<TablesError> + From<std::io::Error>>(
        &self,
        view: View<'_>,
        metadata: &[(String, String)],
        fill: impl FnOnce(&mut ComparisonWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let folders = [Table::Densities, Table::Divergences].map(|table| self.folder(table));
        let name = file_name(WHOLE);
        folders[0].write(&name, |densities| {
            folders[1].write(&name, |divergences| {
                let mut writer = ComparisonWriter {
                    view,
                    densities: open(
                        Table::Densities,
                        schema_of_densities()?,
                        metadata,
                        densities,
                    )?,
                    divergences: open(
                        Table::Divergences,
                        schema_of_divergences()?,
                        metadata,
                        divergences,
                    )?,
                };
                fill(&mut writer)?;
                close(Table::Densities, writer.densities)?;
                close(Table::Divergences, writer.divergences)?;
                Ok(())
            })
        })
    }
}

fn open<'w>(
    table: Table,
    schema: SchemaRef,
    metadata: &[(String, String)],
    file: &'w mut (dyn Write + Send),
) -> Result<FileWriter<'w>, TablesError> {
    let properties = properties(table, &schema, metadata);
    ArrowWriter::try_new(file, schema, Some(properties)).map_err(|source| failed(table, source))
}

fn close(table: Table, writer: FileWriter<'_>) -> Result<(), TablesError> {
    writer.close().map_err(|source| failed(table, source))?;
    Ok(())
}

fn failed(table: Table, source: parquet::errors::ParquetError) -> TablesError {
    TablesError::Parquet {
        path: table.name().into(),
        source,
    }
}

fn schema_of_densities() -> Result<SchemaRef, TablesError> {
    let none = Compared {
        grid: None,
        curves: Vec::new(),
        pairs: Vec::new(),
    };
    let view = View {
        view: "",
        label: "",
    };
    let rows = densities(&view, &no_group(), &[], &none);
    Ok(rows
        .map_err(|source| wrong(Table::Densities, source))?
        .schema())
}

fn schema_of_divergences() -> Result<SchemaRef, TablesError> {
    let view = View {
        view: "",
        label: "",
    };
    let rows = divergences(&view, &no_group(), &[], &[]);
    Ok(rows
        .map_err(|source| wrong(Table::Divergences, source))?
        .schema())
}

fn no_group() -> Group {
    Group {
        architecture: String::new(),
        layer: 0,
        name: String::new(),
        role: String::new(),
        metric: String::new(),
    }
}

fn wrong(table: Table, source: ArrowError) -> TablesError {
    TablesError::Rows {
        table: table.name(),
        source,
    }
}

impl ComparisonWriter<'_> {
    /// Writes the rows of one group, whose members were compared in their order.
    ///
    /// # Errors
    /// The rows cannot be written.
    pub fn write(
        &mut self,
        group: &Group,
        members: &[Member],
        compared: &Compared,
    ) -> Result<(), TablesError> {
        // A population's thousand rows at a time.
        for (member, curve) in members.iter().zip(&compared.curves) {
            let one = Compared {
                grid: compared.grid,
                curves: vec![curve.clone()],
                pairs: Vec::new(),
            };
            let rows = densities(&self.view, group, &[*member], &one)
                .map_err(|source| wrong(Table::Densities, source))?;
            let written = self.densities.write(&rows);
            written.map_err(|source| failed(Table::Densities, source))?;
        }
        let rows = divergences(&self.view, group, members, &compared.pairs)
            .map_err(|source| wrong(Table::Divergences, source))?;
        let written = self.divergences.write(&rows);
        written.map_err(|source| failed(Table::Divergences, source))
    }
}

/// Columns that all rows of a group share.
fn shared<'a>(view: &View<'_>, group: &Group, n: usize) -> Vec<(&'a str, ArrayRef)> {
    let text = |text: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, n)))
    };
    let layer = UInt32Array::from_iter_values(std::iter::repeat_n(group.layer, n));
    vec![
        ("view", text(view.view)),
        ("label", text(view.label)),
        ("architecture", text(&group.architecture)),
        ("layer", Arc::new(layer)),
        ("name", text(&group.name)),
        ("role", text(&group.role)),
        ("metric", text(&group.metric)),
    ]
}

/// One row per member and point; where there is no density one row, of point 0, without x.
fn densities(
    view: &View<'_>,
    group: &Group,
    members: &[Member],
    compared: &Compared,
) -> Result<RecordBatch, ArrowError> {
    type Row<'a> = (&'a Member, &'a Result<Curve, NoDensity>, Option<usize>);
    let rows: Vec<Row<'_>> = members
        .iter()
        .zip(&compared.curves)
        .flat_map(|(member, curve)| {
            let n = curve.as_ref().map_or(0, |curve| curve.values.len());
            let points = (0..n).map(Some).chain((n == 0).then_some(None));
            points.map(move |point| (member, curve, point))
        })
        .collect();
    let of_curve = |value: fn(&Curve) -> f64| {
        reals(
            rows.iter()
                .map(move |(_, curve, _)| curve.as_ref().map_or(f64::NAN, value)),
        )
    };
    let points = rows.iter().map(|(_, _, point)| point.unwrap_or(0) as u32);
    let x = rows.iter().map(|(_, _, point)| {
        let point = point.zip(compared.grid);
        point.map_or(f64::NAN, |(point, grid)| grid.point(point))
    });
    let density = rows.iter().map(|(_, curve, point)| {
        let value = curve.as_ref().ok().zip(*point);
        value.map_or(f64::NAN, |(curve, point)| curve.values[point])
    });
    let reasons = rows
        .iter()
        .map(|(_, curve, _)| reason(curve.as_ref().err()));
    let member = |member: fn(&Member) -> f64| reals(rows.iter().map(move |(m, _, _)| member(m)));
    let counts = |count: fn(&Member) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(
            rows.iter().map(|(m, _, _)| count(m)),
        ))
    };
    let bins = rows.iter().map(|(m, _, _)| m.bin.bin);
    let mut columns = shared(view, group, rows.len());
    columns.extend([
        (
            "bin",
            Arc::new(Int64Array::from_iter_values(bins)) as ArrayRef,
        ),
        ("bin_low", member(|m| m.bin.low)),
        ("bin_high", member(|m| m.bin.high)),
        ("n_networks", counts(|m| m.networks)),
        ("count", counts(|m| m.count)),
        ("bandwidth", of_curve(|curve| curve.bandwidth)),
        ("error_bound", of_curve(|curve| curve.error_bound)),
        ("point", Arc::new(UInt32Array::from_iter_values(points))),
        ("x", reals(x)),
        ("density", reals(density)),
        ("reason", Arc::new(reasons.collect::<StringArray>())),
    ]);
    batch(columns)
}

fn reason(reason: Option<&NoDensity>) -> Option<String> {
    reason.map(NoDensity::to_string)
}

/// One row per pair.
fn divergences(
    view: &View<'_>,
    group: &Group,
    members: &[Member],
    pairs: &[(usize, usize, Comparison)],
) -> Result<RecordBatch, ArrowError> {
    let value =
        |value: fn(&Comparison) -> f64| reals(pairs.iter().map(|(_, _, found)| value(found)));
    let mut columns = shared(view, group, pairs.len());
    let sides: [(Side, [&str; 5]); 2] = [
        (
            |pair| pair.0,
            [
                "bin_a",
                "bin_a_low",
                "bin_a_high",
                "n_networks_a",
                "count_a",
            ],
        ),
        (
            |pair| pair.1,
            [
                "bin_b",
                "bin_b_low",
                "bin_b_high",
                "n_networks_b",
                "count_b",
            ],
        ),
    ];
    for (side, names) in sides {
        let members = || pairs.iter().map(|pair| &members[side(pair)]);
        let bins = Int64Array::from_iter_values(members().map(|m| m.bin.bin));
        let networks = UInt64Array::from_iter_values(members().map(|m| m.networks));
        let counts = UInt64Array::from_iter_values(members().map(|m| m.count));
        let arrays: [ArrayRef; 5] = [
            Arc::new(bins),
            reals(members().map(|m| m.bin.low)),
            reals(members().map(|m| m.bin.high)),
            Arc::new(networks),
            Arc::new(counts),
        ];
        columns.extend(names.into_iter().zip(arrays));
    }
    let reasons = pairs
        .iter()
        .map(|(_, _, found)| reason(found.divergences.as_ref().err()));
    columns.extend([
        (
            "jeffreys",
            value(|c| c.divergences.map_or(f64::NAN, |d| d.jeffreys)),
        ),
        (
            "jensen_shannon",
            value(|c| c.divergences.map_or(f64::NAN, |d| d.jensen_shannon)),
        ),
        ("wasserstein", value(|c| c.wasserstein)),
        ("wasserstein_error", value(|c| c.wasserstein_error)),
        (
            "sum_on_grid",
            value(|c| c.divergences.map_or(f64::NAN, |d| d.sum_on_grid)),
        ),
        ("reason", Arc::new(reasons.collect::<StringArray>())),
    ]);
    batch(columns)
}

/// Which member of a pair.
type Side = fn(&(usize, usize, Comparison)) -> usize;
