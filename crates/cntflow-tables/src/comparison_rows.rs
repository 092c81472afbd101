//! Rows of the tables `densities` and `divergences`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use cntflow_metrics::population::{Comparison, Curve, Grid, NoDensity};

use crate::arrays::reals;
use crate::compared_population::{Member, View};
use crate::error::TablesError;
use crate::population::Group;
use crate::schema::checked_batch;
use crate::table::Table;

/// The columns that all rows of a group share.
fn group_columns<'a>(view: &View<'_>, group: &Group, n_rows: usize) -> Vec<(&'a str, ArrayRef)> {
    let text = |text: &str| -> ArrayRef {
        let texts = std::iter::repeat_n(text, n_rows);
        Arc::new(StringArray::from_iter_values(texts))
    };
    let layers = UInt32Array::from_iter_values(std::iter::repeat_n(group.layer, n_rows));
    vec![
        ("view", text(view.view)),
        ("label", text(view.label)),
        ("architecture", text(&group.architecture)),
        ("layer", Arc::new(layers)),
        ("name", text(&group.name)),
        ("role", text(&group.role)),
        ("metric", text(&group.metric)),
    ]
}

/// One row of `densities`: a member at a point of its curve, or at no point where it has no
/// density.
struct DensityRow<'a> {
    member: Member,
    curve: &'a Result<Curve, NoDensity>,
    point: Option<usize>,
}

/// One row per member and point of `grid`. A member without a density has one row, of point 0, in
/// which `x` and `density` are null.
pub(crate) fn densities(
    view: &View<'_>,
    group: &Group,
    curves: &[(Member, &Result<Curve, NoDensity>)],
    grid: Option<&Grid>,
) -> Result<RecordBatch, TablesError> {
    let rows: Vec<DensityRow<'_>> = curves
        .iter()
        .flat_map(|&(member, curve)| {
            let n_points = curve.as_ref().map_or(0, |curve| curve.values.len());
            let no_point = (n_points == 0).then_some(None);
            let points = (0..n_points).map(Some).chain(no_point);
            points.map(move |point| DensityRow {
                member,
                curve,
                point,
            })
        })
        .collect();
    let mut columns = group_columns(view, group, rows.len());
    columns.extend(member_columns(&rows));
    columns.extend(curve_columns(&rows, grid));
    checked_batch(Table::Densities, columns)
}

fn member_columns(rows: &[DensityRow<'_>]) -> [(&'static str, ArrayRef); 6] {
    let real = |value: fn(&Member) -> f64| reals(rows.iter().map(move |row| value(&row.member)));
    let count = |value: fn(&Member) -> u64| -> ArrayRef {
        let counts = rows.iter().map(|row| value(&row.member));
        Arc::new(UInt64Array::from_iter_values(counts))
    };
    let bins = Int64Array::from_iter_values(rows.iter().map(|row| row.member.bin.bin));
    [
        ("bin", Arc::new(bins)),
        ("bin_low", real(|member| member.bin.low)),
        ("bin_high", real(|member| member.bin.high)),
        ("n_networks", count(|member| member.networks)),
        ("n_runs", count(|member| member.runs)),
        ("count", count(|member| member.count)),
    ]
}

fn curve_columns(rows: &[DensityRow<'_>], grid: Option<&Grid>) -> [(&'static str, ArrayRef); 6] {
    let of_curve = |value: fn(&Curve) -> f64| {
        let curves = rows.iter().map(|row| row.curve.as_ref());
        reals(curves.map(move |curve| curve.map_or(f64::NAN, value)))
    };
    let points = rows.iter().map(|row| row.point.unwrap_or(0) as u32);
    let x = rows.iter().map(|row| {
        let point = row.point.zip(grid);
        point.map_or(f64::NAN, |(point, grid)| grid.point(point))
    });
    let density = rows.iter().map(|row| {
        let value = row.curve.as_ref().ok().zip(row.point);
        value.map_or(f64::NAN, |(curve, point)| curve.values[point])
    });
    let reasons = rows.iter().map(|row| reason(row.curve.as_ref().err()));
    [
        ("bandwidth", of_curve(|curve| curve.bandwidth)),
        ("error_bound", of_curve(|curve| curve.error_bound)),
        ("point", Arc::new(UInt32Array::from_iter_values(points))),
        ("x", reals(x)),
        ("density", reals(density)),
        ("reason", Arc::new(reasons.collect::<StringArray>())),
    ]
}

fn reason(reason: Option<&NoDensity>) -> Option<String> {
    reason.map(NoDensity::to_string)
}

/// Two members of a group by their indices, and how they compare.
type Pair = (usize, usize, Comparison);

/// One row per pair.
pub(crate) fn divergences(
    view: &View<'_>,
    group: &Group,
    members: &[Member],
    pairs: &[Pair],
) -> Result<RecordBatch, TablesError> {
    const FIRST: [&str; 6] = [
        "bin_a",
        "bin_a_low",
        "bin_a_high",
        "n_networks_a",
        "n_runs_a",
        "count_a",
    ];
    const SECOND: [&str; 6] = [
        "bin_b",
        "bin_b_low",
        "bin_b_high",
        "n_networks_b",
        "n_runs_b",
        "count_b",
    ];
    let side = |names: [&'static str; 6], index: fn(&Pair) -> usize| {
        names.into_iter().zip(side_columns(pairs, members, index))
    };
    let mut columns = group_columns(view, group, pairs.len());
    columns.extend(side(FIRST, |pair| pair.0));
    columns.extend(side(SECOND, |pair| pair.1));
    columns.extend(comparison_columns(pairs));
    checked_batch(Table::Divergences, columns)
}

/// The columns of one of a pair's two populations.
fn side_columns(pairs: &[Pair], members: &[Member], index: fn(&Pair) -> usize) -> [ArrayRef; 6] {
    let members = || pairs.iter().map(|pair| &members[index(pair)]);
    let bins = Int64Array::from_iter_values(members().map(|member| member.bin.bin));
    let networks = UInt64Array::from_iter_values(members().map(|member| member.networks));
    let runs = UInt64Array::from_iter_values(members().map(|member| member.runs));
    let counts = UInt64Array::from_iter_values(members().map(|member| member.count));
    [
        Arc::new(bins),
        reals(members().map(|member| member.bin.low)),
        reals(members().map(|member| member.bin.high)),
        Arc::new(networks),
        Arc::new(runs),
        Arc::new(counts),
    ]
}

fn comparison_columns(pairs: &[Pair]) -> [(&'static str, ArrayRef); 6] {
    let value = |value: fn(&Comparison) -> f64| {
        reals(
            pairs
                .iter()
                .map(move |(_, _, comparison)| value(comparison)),
        )
    };
    let reasons = pairs
        .iter()
        .map(|(_, _, comparison)| reason(comparison.divergences.as_ref().err()));
    [
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
    ]
}
