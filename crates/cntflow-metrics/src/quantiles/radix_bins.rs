//! Bins by the leading 16 bits of an f32: sign, exponent and 7 bits of the mantissa.

use std::ops::Range;

use super::ordered_keys::{f32_key, f32_of_key};

/// Number of bins.
pub(super) const BINS: usize = 1 << 16;

/// The bins of finite values. Keys of NaN and infinities have all bits of the exponent set: with a
/// negative sign they are below these bins, with a positive one above.
pub(super) const FINITE: Range<u16> = 0x80..0xff80;

/// Counts of f32 values by the leading 16 bits of their keys; 512 KiB. Empty until
/// [`RadixBins::reset`] makes room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RadixBins {
    counts: Vec<u64>,
}

/// The bin of a value. A larger value is never in an earlier bin.
#[inline(always)]
pub(super) fn bin_of(x: f32) -> usize {
    (f32_key(x) >> 16) as usize
}

/// The smallest and the largest value of a bin.
pub(super) fn edges(bin: u16) -> [f64; 2] {
    let value = |low_bits: u32| f64::from(f32_of_key(u32::from(bin) << 16 | low_bits));
    [value(0), value(0xffff)]
}

impl RadixBins {
    /// Sets all counts to 0.
    pub(super) fn reset(&mut self) {
        self.counts.clear();
        self.counts.resize(BINS, 0);
    }

    /// Counts a value `times` times.
    #[inline(always)]
    pub(super) fn add(&mut self, x: f32, times: u64) {
        self.counts[bin_of(x)] += times;
    }

    /// Adds the counts of other bins.
    pub(super) fn merge(&mut self, other: &Self) {
        let pairs = self.counts.iter_mut().zip(&other.counts);
        pairs.for_each(|(count, more)| *count += more);
    }

    pub(super) fn count(&self, bin: usize) -> u64 {
        self.counts[bin]
    }

    /// Counts of the bins [`FINITE`].
    pub(super) fn finite(&self) -> &[u64] {
        &self.counts[usize::from(FINITE.start)..usize::from(FINITE.end)]
    }
}
