//! Bins of equal width over a range of values.

use pulp::{Simd, WithSimd};

/// Most bins of a grid.
pub(super) const MAX_GRID_BINS: usize = 1 << 12;

/// The bins with ranks may hold at most one value in this many. If they hold more, the values are
/// too unevenly spread for bins of equal width.
pub(super) const COLLECTED_DIVISOR: usize = 8;

/// Bin `round((x - low) * scale)` of a value x. A larger value is never in an earlier bin, however
/// the arithmetic rounds, so binned selection is exact.
#[derive(Clone, Copy, Debug)]
pub(super) struct BinGrid<T> {
    pub(super) low: T,
    /// Bins per unit of the values.
    pub(super) scale: T,
}

/// The number type of a grid.
pub(super) trait BinFloat: Copy {
    /// The bin of a value, below [`MAX_GRID_BINS`].
    fn bin(self, grid: BinGrid<Self>) -> u16;
}

/// The last bin.
const LAST: f32 = (MAX_GRID_BINS - 1) as f32;

/// 2^23. Adding it to a small f32 leaves the nearest whole number in the low bits. Vector registers
/// have no direct conversion of f32 to u16.
const ROUND_F32: f32 = (1 << 23) as f32;

/// 2^52, likewise for f64.
const ROUND_F64: f64 = (1_u64 << 52) as f64;

/// The grid may be narrower than the values. The first and the last bin take all beyond.
impl BinFloat for f32 {
    #[inline(always)]
    fn bin(self, grid: BinGrid<f32>) -> u16 {
        let position = (self - grid.low) * grid.scale;
        // Comparisons instead of `clamp`, which checks its bounds and keeps NaN.
        let above_first = if position > 0.0 { position } else { 0.0 };
        let clamped = if above_first < LAST {
            above_first
        } else {
            LAST
        };
        (clamped + ROUND_F32).to_bits() as u16
    }
}

/// The grid spans all values, so nothing lies beyond.
impl BinFloat for f64 {
    #[inline(always)]
    fn bin(self, grid: BinGrid<f64>) -> u16 {
        ((self - grid.low) * grid.scale + ROUND_F64).to_bits() as u16
    }
}

/// The index of a bin in an array of [`MAX_GRID_BINS`]. The remainder changes nothing, but the
/// compiler then leaves the bounds check out.
#[inline(always)]
pub(super) fn slot(bin: u16) -> usize {
    usize::from(bin) % MAX_GRID_BINS
}

/// Writes the bin of every value. A type, not a closure: the compiler may leave a closure without
/// the instructions that pulp has chosen.
pub(super) struct BinIndices<'v, V, T> {
    pub(super) grid: BinGrid<T>,
    pub(super) values: &'v [V],
    pub(super) indices: &'v mut [u16],
}

impl<V: Copy + Into<T>, T: BinFloat> WithSimd for BinIndices<'_, V, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let grid = self.grid;
        for (index, &x) in self.indices.iter_mut().zip(self.values) {
            *index = x.into().bin(grid);
        }
    }
}
