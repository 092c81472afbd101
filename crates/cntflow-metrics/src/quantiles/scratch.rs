//! Buffers of the selections.

use super::radix_bins::RadixBins;

/// Buffers of the selections, reused from sample to sample.
#[derive(Debug, Default)]
pub(crate) struct QuantileScratch {
    pub(super) radix_bins: RadixBins,
    /// f32 keys, each with how often it counts.
    pub(super) f32_keys: Vec<(u32, u64)>,
    pub(super) f64_keys: Vec<u64>,
    /// The bin of every value.
    pub(super) indices: Vec<u16>,
    /// Values, each with how often it counts.
    pub(super) pairs: Vec<(f64, u64)>,
}
