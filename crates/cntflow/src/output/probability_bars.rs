//! Probabilities of checkpoints as bars, for a terminal.

use super::plot::PlotStyle;
use crate::printer;

/// Probability from which a checkpoint is taken for the second class.
const THRESHOLD: f64 = 0.5;

/// Most bars: more would not be read.
const MOST_ROWS: usize = 100;

/// A bar for each checkpoint, with a mark at one half.
pub(crate) fn text(probabilities: &[(&str, f64)], style: PlotStyle) -> String {
    let shown = &probabilities[..probabilities.len().min(MOST_ROWS)];
    let names = shown.iter().map(|(name, _)| name.chars().count());
    // The name, the number and the spaces between them.
    let text = names.max().unwrap_or(0) + 16;
    let width = style.width_beside(text);
    let rows = shown.iter().map(|(name, probability)| {
        let bar = style.bar(*probability, THRESHOLD, width);
        vec![(*name).to_owned(), format!("{probability:.3}"), bar]
    });
    let table = printer::table(["checkpoint", "probability", ""], rows);
    if shown.len() == probabilities.len() {
        return table;
    }
    let n = probabilities.len();
    format!("{table}\n({MOST_ROWS} of {n} checkpoints)")
}
