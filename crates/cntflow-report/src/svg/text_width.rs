//! Widths of text in Helvetica, and in the fonts that are as wide: Arial and Liberation Sans.

/// Widths of the letters from the space to the tilde, in thousandths of the size of the text.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// Of a letter of another European language, at most: few are wider.
const OTHER_LETTER: u16 = 800;

/// From here on letters are as wide as high: those of Chinese, Japanese and Korean.
const FIRST_WIDE: char = '\u{2e80}';

/// The width of a text of this size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let thousandths: u64 = text
        .chars()
        .map(|letter| u64::from(of_letter(letter)))
        .sum();
    thousandths as f64 * size / 1000.0
}

fn of_letter(letter: char) -> u16 {
    let index = (letter as usize).checked_sub(' ' as usize);
    let known = index.and_then(|index| WIDTHS.get(index)).copied();
    known.unwrap_or(match letter {
        '…' => 1000,
        _ if letter >= FIRST_WIDE => 1000,
        _ => OTHER_LETTER,
    })
}

/// The text, or as much of it as fits with dots at its end.
pub(super) fn shortened(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut left = most - width("…", size);
    let start = text.chars().take_while(|letter| {
        left -= f64::from(of_letter(*letter)) * size / 1000.0;
        left >= 0.0
    });
    let start: String = start.collect();
    format!("{}…", start.trim_end())
}

/// The text in lines that break at spaces, and within a word that is too long for a line after its
/// punctuation; the last of `most_lines` ends in dots if more is left.
pub(super) fn lines(text: &str, size: f64, most: f64, most_lines: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in pieces(text, size, most) {
        let n = lines.len();
        let line = &mut lines[n - 1];
        let longer = format!("{line}{piece}");
        if line.is_empty() || n == most_lines || width(longer.trim_end(), size) <= most {
            *line = longer;
        } else {
            lines.push(piece.to_owned());
        }
    }
    let lines = lines
        .iter()
        .map(|line| shortened(line.trim_end(), size, most));
    lines.collect()
}

/// The parts of a text between which a line may break.
fn pieces(text: &str, size: f64, most: f64) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ').flat_map(move |word| {
        let is_long = width(word.trim_end(), size) > most;
        let ends = move |letter: char| is_long && matches!(letter, '.' | '_' | '/' | '-' | ',');
        word.split_inclusive(ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_helvetica() {
        assert_eq!(width("AB", 10.0), 13.34);
        assert_eq!(width("1.0", 7.5), 10.425);
        assert_eq!(width("学习", 7.5), 15.0);
        assert_eq!(width("", 7.5), 0.0);
    }

    #[test]
    fn a_long_text_ends_in_dots_and_fits() {
        let text = "hyperparameters and more";
        assert_eq!(shortened(text, 7.5, 200.0), text);
        let short = shortened(text, 7.5, 60.0);
        assert!(
            short.ends_with('…') && width(&short, 7.5) <= 60.0,
            "{short}"
        );
        assert_eq!(shortened(text, 7.5, 0.0), "…");
    }

    #[test]
    fn a_name_breaks_at_spaces_into_no_more_lines_than_asked_for() {
        let name = "cnt + hyperparameters against hyperparameters";
        let broken = lines(name, 7.5, 110.0, 3);
        assert_eq!(broken, ["cnt + hyperparameters against", "hyperparameters"]);
        let word = "nodes_strength.output_mean.q50_normalised";
        let broken = lines(word, 7.5, 100.0, 3);
        assert_eq!(broken, ["nodes_strength.output_mean.", "q50_normalised"]);
        let cut = lines(name, 7.5, 60.0, 2);
        assert_eq!(cut.len(), 2);
        assert!(cut[1].ends_with('…'), "{cut:?}");
    }
}
