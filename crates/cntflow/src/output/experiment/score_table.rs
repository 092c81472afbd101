//! The scores of an experiment as a table.

use super::super::rows::{Row, Rows};
use super::figures::{chosen, figure_name, interval};
use crate::experiments::result::ExperimentResult;
use crate::printer;

/// One line per feature choice of the networks themselves: its figure, those of the first twin and
/// of the cross-validation, and the worst stratum. The model of each is in the table `scores`.
pub(super) fn score_table(result: &ExperimentResult) -> String {
    let figure = result.description.figure;
    let twin = result
        .description
        .spec
        .controls
        .first()
        .map(|twin| twin.name());
    let header = [
        "features",
        figure_name(figure),
        twin.unwrap_or("twin"),
        "validation",
        "worst stratum",
    ];
    let rows = Rows(&result.scores)
        .iter()
        .filter(|row| row.flag("chosen") && row.text("stratum") == Some("all"))
        .filter(|row| row.text("twin").is_none())
        .filter_map(|row| {
            let features = row.text("features")?;
            let of_twin = twin.and_then(|twin| chosen(result, features, Some(twin)));
            let number = |value: f64| {
                if value.is_nan() {
                    "-".to_owned()
                } else {
                    format!("{value:.3}")
                }
            };
            Some(vec![
                features.to_owned(),
                interval(&row, figure).unwrap_or_else(|| "-".to_owned()),
                of_twin.map_or("-".to_owned(), |row| number(row.number(figure))),
                number(row.number("validation_figure")),
                worst_stratum(result, &row, figure).unwrap_or_default(),
            ])
        });
    printer::table(header, rows.collect::<Vec<_>>())
}

/// `depth=2 (0.871)`.
fn worst_stratum(result: &ExperimentResult, row: &Row<'_>, figure: &str) -> Option<String> {
    let worst = Rows(&result.scores).iter().find(|other| {
        other.flag("worst_stratum")
            && other.text("twin").is_none()
            && other.text("features") == row.text("features")
            && other.text("model") == row.text("model")
    })?;
    Some(format!(
        "{} ({:.3})",
        worst.text("stratum")?,
        worst.number(figure)
    ))
}
