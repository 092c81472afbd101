//! Rows of the tables `densities` and `divergences`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use cntflow_metrics::population::{Comparison, Curve, Grid, NoDensity};

use crate::arrays::reals;
use crate::compared_population::{DensityBand, Member, TestedPair, View};
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

/// A curve of `densities` with the band of random halves about it.
type CurveAndBand<'a> = (&'a Result<Curve, NoDensity>, Option<&'a DensityBand>);

/// One row per point of `grid` for a member. A member without a density has one row, of point 0, in
/// which `x` and `density` are null.
pub(crate) fn densities(
    view: &View<'_>,
    group: &Group,
    member: &Member,
    (curve, band): CurveAndBand<'_>,
    grid: Option<&Grid>,
) -> Result<RecordBatch, TablesError> {
    let n_rows = curve.as_ref().map_or(1, |curve| curve.values.len());
    let mut columns = group_columns(view, group, n_rows);
    columns.extend(member_columns(member, n_rows));
    columns.extend(curve_columns(curve, grid, n_rows));
    columns.extend(band_columns(band, n_rows));
    columns.push(("reason", texts(reason(curve.as_ref().err()), n_rows)));
    checked_batch(Table::Densities, columns)
}

fn member_columns(member: &Member, n_rows: usize) -> [(&'static str, ArrayRef); 7] {
    let real = |value: f64| reals(std::iter::repeat_n(value, n_rows));
    let count = |value: u64| -> ArrayRef { Arc::new(UInt64Array::from_value(value, n_rows)) };
    let Member {
        bin,
        networks,
        runs,
        count: n_values,
    } = member;
    [
        ("bin", Arc::new(Int64Array::from_value(bin.bin, n_rows))),
        ("bin_low", real(bin.low)),
        ("bin_high", real(bin.high)),
        ("bin_value", texts(bin.value.clone(), n_rows)),
        ("n_networks", count(*networks)),
        ("n_runs", count(*runs)),
        ("count", count(*n_values)),
    ]
}

fn curve_columns(
    curve: &Result<Curve, NoDensity>,
    grid: Option<&Grid>,
    n_rows: usize,
) -> [(&'static str, ArrayRef); 5] {
    let of_curve = |value: fn(&Curve) -> f64| {
        let value = curve.as_ref().map_or(f64::NAN, value);
        reals(std::iter::repeat_n(value, n_rows))
    };
    let grid = grid.filter(|_| curve.is_ok());
    let x = (0..n_rows).map(|point| grid.map_or(f64::NAN, |grid| grid.point(point)));
    let points = UInt32Array::from_iter_values(0..n_rows as u32);
    let values = curve.as_ref().ok().map(|curve| curve.values.as_slice());
    [
        ("bandwidth", of_curve(|curve| curve.bandwidth)),
        ("error_bound", of_curve(|curve| curve.error_bound)),
        ("point", Arc::new(points)),
        ("x", reals(x)),
        ("density", reals_or_null(values, n_rows)),
    ]
}

fn band_columns(band: Option<&DensityBand>, n_rows: usize) -> [(&'static str, ArrayRef); 2] {
    let [low, high] = [
        band.map(|band| band.low.as_slice()),
        band.map(|band| band.high.as_slice()),
    ];
    [
        ("half_q05", reals_or_null(low, n_rows)),
        ("half_q95", reals_or_null(high, n_rows)),
    ]
}

/// A value for each row, or null in all of them.
fn reals_or_null(values: Option<&[f64]>, n_rows: usize) -> ArrayRef {
    match values {
        Some(values) => reals(values.iter().copied()),
        None => reals(std::iter::repeat_n(f64::NAN, n_rows)),
    }
}

/// The same text, or null, in each row.
fn texts(text: Option<String>, n_rows: usize) -> ArrayRef {
    Arc::new(std::iter::repeat_n(text, n_rows).collect::<StringArray>())
}

fn reason(reason: Option<&NoDensity>) -> Option<String> {
    reason.map(NoDensity::to_string)
}

/// One row per pair.
pub(crate) fn divergences(
    view: &View<'_>,
    group: &Group,
    members: &[Member],
    pairs: &[TestedPair],
) -> Result<RecordBatch, TablesError> {
    const FIRST: [&str; 7] = [
        "bin_a",
        "bin_a_low",
        "bin_a_high",
        "bin_a_value",
        "n_networks_a",
        "n_runs_a",
        "count_a",
    ];
    const SECOND: [&str; 7] = [
        "bin_b",
        "bin_b_low",
        "bin_b_high",
        "bin_b_value",
        "n_networks_b",
        "n_runs_b",
        "count_b",
    ];
    let side = |names: [&'static str; 7], index: fn(&TestedPair) -> usize| {
        names.into_iter().zip(side_columns(pairs, members, index))
    };
    let mut columns = group_columns(view, group, pairs.len());
    columns.extend(side(FIRST, |pair| pair.members.0));
    columns.extend(side(SECOND, |pair| pair.members.1));
    columns.extend(comparison_columns(pairs));
    columns.extend(null_columns(pairs));
    checked_batch(Table::Divergences, columns)
}

/// The columns of one of a pair's two populations.
fn side_columns(
    pairs: &[TestedPair],
    members: &[Member],
    index: fn(&TestedPair) -> usize,
) -> [ArrayRef; 7] {
    let members = || pairs.iter().map(|pair| &members[index(pair)]);
    let bins = Int64Array::from_iter_values(members().map(|member| member.bin.bin));
    let values: StringArray = members().map(|member| member.bin.value.as_ref()).collect();
    let networks = UInt64Array::from_iter_values(members().map(|member| member.networks));
    let runs = UInt64Array::from_iter_values(members().map(|member| member.runs));
    let counts = UInt64Array::from_iter_values(members().map(|member| member.count));
    [
        Arc::new(bins),
        reals(members().map(|member| member.bin.low)),
        reals(members().map(|member| member.bin.high)),
        Arc::new(values),
        Arc::new(networks),
        Arc::new(runs),
        Arc::new(counts),
    ]
}

fn comparison_columns(pairs: &[TestedPair]) -> [(&'static str, ArrayRef); 6] {
    let value = |value: fn(&Comparison) -> f64| {
        reals(pairs.iter().map(move |pair| value(&pair.comparison)))
    };
    let reasons = pairs
        .iter()
        .map(|pair| reason(pair.comparison.divergences.as_ref().err()));
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

fn null_columns(pairs: &[TestedPair]) -> [(&'static str, ArrayRef); 6] {
    let value = |value: fn(&TestedPair) -> f64| reals(pairs.iter().map(value));
    let networks: UInt64Array = pairs.iter().map(|pair| pair.null.networks).collect();
    let reasons = pairs.iter().map(|pair| pair.null.reason.as_ref());
    [
        ("null_networks", Arc::new(networks)),
        ("null_mean", value(|pair| pair.null.mean)),
        ("null_q95", value(|pair| pair.null.q95)),
        ("p_value", value(|pair| pair.null.p_value)),
        ("p_adjusted", value(|pair| pair.p_adjusted)),
        ("null_reason", Arc::new(reasons.collect::<StringArray>())),
    ]
}
