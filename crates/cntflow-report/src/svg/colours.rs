//! Colours that people who see fewer colours can tell apart.

/// Viridis at nine places, from low to high.
const VIRIDIS: [(u8, u8, u8); 9] = [
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
];

/// The colour of a share from 0 to 1, and that of a text on it.
pub(crate) fn heat(share: f64) -> (String, &'static str) {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let place = share * (VIRIDIS.len() - 1) as f64;
    let index = (place as usize).min(VIRIDIS.len() - 2);
    let mix = |low: u8, high: u8| {
        let part = place - index as f64;
        (f64::from(low) + part * (f64::from(high) - f64::from(low))).round() as u8
    };
    let (low, high) = (VIRIDIS[index], VIRIDIS[index + 1]);
    let (red, green, blue) = (mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2));
    let ink = if share > 0.55 { "#000" } else { "#fff" };
    (format!("#{red:02x}{green:02x}{blue:02x}"), ink)
}

/// The colour of the k-th of `n` groups that have an order, from low to high: one of nine of the
/// page's style, which can be told from its paper.
pub(crate) fn low_to_high(k: usize, n: usize) -> String {
    let place = (8 * k) as f64 / (n.max(2) - 1) as f64;
    format!("var(--q{})", place.round())
}
