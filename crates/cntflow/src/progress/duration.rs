//! Durations as people read them.

/// `2h 05m`, `1m 05s` or `7s`.
pub(crate) fn duration_text(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s:02}s"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration_text;

    #[test]
    fn the_two_largest_units_are_shown() {
        let texts = [7.2, 65.0, 7500.0].map(duration_text);
        assert_eq!(texts, ["7s", "1m 05s", "2h 05m"]);
    }
}
