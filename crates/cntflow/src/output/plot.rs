//! Small plots in characters, for a terminal. They have no colours.

use crate::args::Plots;

/// Narrowest plot.
const LEAST_WIDTH: usize = 16;

/// Widest plot.
const MOST_WIDTH: usize = 64;

/// Width of a terminal that does not say how wide it is.
const USUAL_TERMINAL: usize = 80;

/// Heights of a column, from nothing to all.
const COLUMNS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The same in ASCII: the darker, the higher.
const ASCII_COLUMNS: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];

/// Parts of a cell of a bar, from nothing to all.
const BARS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// What is known of the place that text is printed to.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    /// Whether somebody reads it there; a file or a pipe is none.
    pub(crate) is_terminal: bool,
    /// Its width in letters, if it says.
    pub(crate) width: Option<usize>,
    /// Whether it shows letters that are not ASCII.
    pub(crate) is_unicode: bool,
}

impl Terminal {
    /// Stdout.
    pub(crate) fn of_stdout() -> Self {
        use std::io::IsTerminal;
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(variable);
        Self {
            is_terminal: std::io::stdout().is_terminal(),
            width: comfy_table::Table::new().width().map(usize::from),
            is_unicode: is_unicode(locale.as_deref(), variable("TERM").as_deref()),
        }
    }
}

/// Whether a terminal of this locale and kind shows letters that are not ASCII.
fn is_unicode(locale: Option<&str>, kind: Option<&str>) -> bool {
    let locale = locale.map(str::to_ascii_lowercase);
    let is_utf8 = locale.map_or(cfg!(windows), |locale| {
        locale.contains("utf-8") || locale.contains("utf8")
    });
    is_utf8 && kind != Some("dumb")
}

/// How plots are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlotStyle {
    /// Letters of a line.
    width: usize,
    is_unicode: bool,
}

impl PlotStyle {
    /// The style for a terminal; `None` if there are to be no plots.
    pub(crate) fn of(plots: Plots, terminal: &Terminal) -> Option<Self> {
        let is_wanted = match plots {
            Plots::Auto => terminal.is_terminal,
            Plots::Always => true,
            Plots::Never => false,
        };
        is_wanted.then(|| Self {
            width: terminal.width.unwrap_or(USUAL_TERMINAL),
            is_unicode: terminal.is_unicode,
        })
    }

    /// The width of a plot beside text of this many letters.
    pub(crate) fn width_beside(self, text: usize) -> usize {
        self.width
            .saturating_sub(text)
            .clamp(LEAST_WIDTH, MOST_WIDTH)
    }

    /// A column for each height; the highest takes the whole line. Nothing is left empty alone: a
    /// height above zero is seen.
    pub(crate) fn columns(self, heights: &[f64]) -> String {
        let columns = if self.is_unicode {
            COLUMNS
        } else {
            ASCII_COLUMNS
        };
        let highest = heights.iter().copied().fold(0.0, f64::max);
        let columns = heights.iter().map(|&height| {
            if height > 0.0 {
                columns[((height / highest * 8.0).ceil() as usize).clamp(1, 8)]
            } else {
                columns[0]
            }
        });
        columns.collect()
    }

    /// A bar for a share of one, with a mark at another share.
    pub(crate) fn bar(self, share: f64, mark: f64, width: usize) -> String {
        let eighths = (share.clamp(0.0, 1.0) * (8 * width) as f64).round() as usize;
        let marked = ((mark * width as f64) as usize).min(width.saturating_sub(1));
        let cells = (0..width).map(|cell| {
            let filled = eighths.saturating_sub(8 * cell).min(8);
            match (self.is_unicode, filled) {
                (true, 0) if cell == marked => '┊',
                (true, filled) => BARS[filled],
                (false, 4..) => '#',
                (false, _) if cell == marked => '|',
                (false, _) => '.',
            }
        });
        cells.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKS: PlotStyle = PlotStyle {
        width: 80,
        is_unicode: true,
    };
    const ASCII: PlotStyle = PlotStyle {
        width: 80,
        is_unicode: false,
    };

    #[test]
    fn the_highest_column_is_full_and_the_lowest_is_seen() {
        assert_eq!(BLOCKS.columns(&[0.0, 1e-9, 4.0, 8.0]), " ▁▄█");
        assert_eq!(ASCII.columns(&[0.0, 1e-9, 4.0, 8.0]), " .=@");
        assert_eq!(BLOCKS.columns(&[0.0, f64::NAN]), "  ");
    }

    #[test]
    fn a_bar_has_its_share_and_a_mark_where_it_is_empty() {
        assert_eq!(BLOCKS.bar(0.25, 0.5, 8), "██  ┊   ");
        assert_eq!(BLOCKS.bar(0.8125, 0.5, 8), "██████▌ ");
        assert_eq!(ASCII.bar(0.25, 0.5, 8), "##..|...");
        assert_eq!(ASCII.bar(1.0, 0.5, 8), "########");
        assert_eq!(BLOCKS.bar(f64::NAN, 0.5, 4), "  ┊ ");
    }

    #[test]
    fn plots_are_for_terminals_unless_they_are_asked_for_or_forbidden() {
        let terminal = |is_terminal| Terminal {
            is_terminal,
            width: None,
            is_unicode: true,
        };
        assert_eq!(PlotStyle::of(Plots::Auto, &terminal(true)), Some(BLOCKS));
        assert_eq!(PlotStyle::of(Plots::Auto, &terminal(false)), None);
        assert_eq!(PlotStyle::of(Plots::Always, &terminal(false)), Some(BLOCKS));
        assert_eq!(PlotStyle::of(Plots::Never, &terminal(true)), None);
    }

    #[test]
    fn letters_are_ascii_without_a_locale_of_utf8_and_on_dumb_terminals() {
        assert!(is_unicode(Some("de_DE.UTF-8"), Some("xterm")));
        assert!(is_unicode(Some("C.utf8"), None));
        assert!(!is_unicode(Some("C"), Some("xterm")));
        assert!(!is_unicode(Some("en_US.UTF-8"), Some("dumb")));
    }

    #[test]
    fn plots_are_neither_too_narrow_nor_wider_than_is_useful() {
        assert_eq!(
            [30, 79, 200].map(|text| BLOCKS.width_beside(text)),
            [50, 16, 16]
        );
        let wide = PlotStyle {
            width: 300,
            ..BLOCKS
        };
        assert_eq!(wide.width_beside(30), 64);
    }
}
