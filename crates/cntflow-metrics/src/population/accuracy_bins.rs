//! Bins of accuracy: which networks are one population.

/// Default width of an accuracy bin: 0.025, as the papers' authors have it.
pub const DEFAULT_WIDTH: f64 = 0.025;

/// Share of a bin by which an accuracy may be below a bin's lower border and still count as inside:
/// decimal borders are not exact in binary.
const TOLERANCE: f64 = 1e-9;

/// Bins `[k w, (k + 1) w)` of width w.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccuracyBins {
    width: f64,
}

impl AccuracyBins {
    /// Bins of a width; `None` if it is not positive and finite.
    pub fn new(width: f64) -> Option<Self> {
        (width.is_finite() && width > 0.0).then_some(Self { width })
    }

    /// The index k of the bin of an accuracy (or any other real label); `None` for NaN and
    /// infinities.
    ///
    /// ```
    /// let bins = cntflow_metrics::population::AccuracyBins::new(0.025).unwrap();
    /// assert_eq!(bins.bin(0.3), Some(12)); // 0.3 / 0.025 is less than 12 in f64
    /// assert_eq!(bins.bin(0.2999), Some(11));
    /// assert_eq!(bins.bounds(12), (0.3, 0.325));
    /// ```
    pub fn bin(&self, accuracy: f64) -> Option<i64> {
        let bin = (accuracy / self.width + TOLERANCE).floor();
        (bin.abs() < 1e15).then_some(bin as i64)
    }

    /// Lower and upper border of a bin, rounded to 12 decimals.
    pub fn bounds(&self, bin: i64) -> (f64, f64) {
        let border = |k: i64| {
            let border = k as f64 * self.width;
            let rounded = (border * 1e12).round() / 1e12;
            // Borders this near 0 are not rounded: 12 decimals would leave them fewer than 9
            // significant digits.
            if rounded.abs() < 1e-3 {
                border
            } else {
                rounded
            }
        };
        (border(bin), border(bin + 1))
    }
}
