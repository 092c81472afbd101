//! Counts as texts.

/// `24 of 7,840`
pub(super) fn of(n: usize, all: u64) -> String {
    format!("{} of {}", thousands(n as u64), thousands(all))
}

/// A count with commas.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
