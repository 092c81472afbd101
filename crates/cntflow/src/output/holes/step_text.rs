//! Lists of steps, and counts, as short text.

/// Fewest steps that are written as a range.
const LEAST_IN_RANGE: usize = 3;

/// Sorted steps as text: `0 to 40 by 10, 47, 50`. Of more than `most` pieces the middle is left
/// out.
pub(super) fn steps_text(steps: &[i64], most: usize) -> String {
    let mut pieces = Vec::new();
    let mut rest = steps;
    while let [first, ..] = rest {
        let length = range_length(rest);
        let (range, after) = rest.split_at(length);
        pieces.push(match range {
            [_] => first.to_string(),
            [.., last] => {
                let distance = range[1].abs_diff(*first);
                let by = if distance == 1 {
                    String::new()
                } else {
                    format!(" by {distance}")
                };
                format!("{first} to {last}{by}")
            }
            [] => break,
        });
        rest = after;
    }
    elided(pieces, most)
}

/// A number and what it counts.
pub(super) fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Pieces with commas between them, the middle left out if there are more than `most`.
pub(super) fn elided(mut pieces: Vec<String>, most: usize) -> String {
    if pieces.len() > most {
        let n_hidden = pieces.len() - most;
        pieces.splice(most / 2..most / 2 + n_hidden, ["...".to_owned()]);
    }
    pieces.join(", ")
}

/// How many of the first steps are evenly spaced; 1 if too few are.
fn range_length(steps: &[i64]) -> usize {
    let mut distances = steps.windows(2).map(|two| two[1].abs_diff(two[0]));
    let Some(first) = distances.next() else {
        return 1;
    };
    let length = 2 + distances.take_while(|distance| *distance == first).count();
    if length < LEAST_IN_RANGE { 1 } else { length }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evenly_spaced_steps_are_a_range() {
        let check = |steps: &[i64], text: &str| assert_eq!(steps_text(steps, 6), text);
        check(&[], "");
        check(&[7], "7");
        check(&[0, 10], "0, 10");
        check(&[0, 10, 20, 30, 47, 50], "0 to 30 by 10, 47, 50");
        check(&[1, 2, 3, 4], "1 to 4");
        check(
            &[i64::MIN, 0, i64::MAX],
            "-9223372036854775808, 0, 9223372036854775807",
        );
        let powers: Vec<i64> = (0..20).map(|power| 1 << power).collect();
        check(&powers, "1, 2, 4, ..., 131072, 262144, 524288");
    }
}
