//! What a drawing is made for: the page, or a column of a paper. Sizes of the page are in pixels of
//! a drawing that browsers scale; those of a paper are in points of the printed text.

use super::text_width;

/// Size of text in a paper, in points.
pub(super) const TEXT: f64 = 7.5;

/// Share of the width of a panel of a paper that a name may take.
pub(super) const NAMES: f64 = 0.42;

/// Most lines of a name at the left.
const NAME_LINES: usize = 3;

/// Most letters of a name in the page.
const PAGE_LETTERS: usize = 44;

/// A width of figures in papers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// One column: 3.5 inches.
    One,
    /// Two columns: 7.2 inches.
    Two,
}

impl Column {
    /// Width of the figure in points.
    #[must_use]
    pub fn width(self) -> f64 {
        match self {
            Self::One => 252.0,
            Self::Two => 518.4,
        }
    }
}

/// What a drawing is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Canvas {
    /// The page. Its style gives colours and fonts.
    Page,
    /// A file for a paper, which has its style in itself.
    Paper(Column),
}

impl Canvas {
    /// The width of a drawing; `on_page` in the page.
    pub(crate) fn width(self, on_page: f64) -> f64 {
        match self {
            Self::Page => on_page,
            Self::Paper(column) => column.width(),
        }
    }

    /// The height of a panel that has this height in the page. A narrower drawing is less high, but
    /// its text takes as much.
    pub(crate) fn height(self, on_page: f64) -> f64 {
        match self {
            Self::Page => on_page,
            Self::Paper(Column::One) => on_page * 0.45 + 18.0,
            Self::Paper(Column::Two) => on_page * 0.55 + 18.0,
        }
    }

    /// Of a length in the page, its length here.
    pub(crate) fn length(self, on_page: f64) -> f64 {
        match self {
            Self::Page => on_page,
            Self::Paper(_) => on_page * 0.5,
        }
    }

    /// How many of `n` panels stand beside each other, in the page and in papers.
    pub(crate) fn beside(self, n: usize, on_page: usize) -> usize {
        let most = match self {
            Self::Page => on_page,
            // Many panels in one column would be higher than a sheet.
            Self::Paper(Column::One) => 1 + usize::from(n > 6),
            Self::Paper(Column::Two) => 2 + usize::from(n > 12),
        };
        most.min(n.max(1))
    }

    /// Height of a line of text.
    pub(crate) fn line(self) -> f64 {
        match self {
            Self::Page => 16.0,
            Self::Paper(_) => 9.5,
        }
    }

    /// How far the foot of a text is below the middle of its letters.
    pub(crate) fn drop(self) -> f64 {
        match self {
            Self::Page => 4.0,
            Self::Paper(_) => 2.7,
        }
    }

    /// How far the foot of an upright text is from the left end of its letters' place.
    pub(crate) fn rise(self) -> f64 {
        match self {
            Self::Page => 11.0,
            Self::Paper(_) => 7.0,
        }
    }

    /// Width of a text. That of the page is rough: its font is that of the reader.
    pub(crate) fn text_width(self, text: &str) -> f64 {
        match self {
            Self::Page => text.chars().count() as f64 * 7.0,
            Self::Paper(_) => text_width::width(text, TEXT),
        }
    }

    /// A text of at most this width, or in the page of at most 44 letters; a longer one ends in
    /// dots.
    pub(crate) fn shown(self, text: &str, most: f64) -> String {
        match self {
            Self::Page => first_letters(text),
            Self::Paper(_) => text_width::shortened(text, TEXT, most),
        }
    }

    /// The lines of a name at the left of a drawing of this width.
    pub(crate) fn name_lines(self, name: &str, width: f64) -> Vec<String> {
        match self {
            Self::Page => vec![first_letters(name)],
            Self::Paper(_) => text_width::lines(name, TEXT, width * NAMES, NAME_LINES),
        }
    }

    /// The height of a panel with a row for each name at its left, and a titled axis below.
    pub(crate) fn height_of_rows(self, names: &[String], on_page: f64) -> f64 {
        let n = names.len() as f64;
        if self == Self::Page {
            return on_page * n + 50.0;
        }
        let width = self.width(0.0);
        let lines = names.iter().map(|name| self.name_lines(name, width).len());
        let lines = lines.max().unwrap_or(1) as f64;
        n * (lines * self.line() + 3.0).max(on_page * 0.6) + 2.0 * self.line() + 8.0
    }
}

/// A name as the page shows it: long ones end in dots.
fn first_letters(name: &str) -> String {
    if name.chars().count() <= PAGE_LETTERS {
        return name.to_owned();
    }
    let start = name.chars().take(PAGE_LETTERS - 1);
    start.chain(['…']).collect()
}
