//! Selection among values that each count once, by bins of equal width over their range.

use pulp::Arch;

use super::bin_grid::{BinGrid, BinIndices, COLLECTED_DIVISOR, MAX_GRID_BINS, slot};
use super::ordered_keys::{f64_key, f64_of_key, select};
use super::ranks::{RANKS, bins_with_ranks, positions_in_marked_bins};
use super::scratch::QuantileScratch;
use crate::moments::Moments;
use crate::sample::{Sample, Values};

/// Values from which counting them in bins is quicker than selecting among them all.
pub(super) const BINS_FROM: usize = 1 << 7;

/// Fewest bins. More values get two to four bins each, up to [`MAX_GRID_BINS`] bins.
const MIN_BINS: usize = 1 << 9;

/// The values at `ranks` of finite values that each count once.
///
/// `None` for values that are few, not all finite, or so unevenly spread that bins do not help.
pub(super) fn select_by_bins(
    sample: &Sample<'_>,
    moments: &Moments,
    ranks: &[u64; RANKS],
    scratch: &mut QuantileScratch,
) -> Option<[f64; RANKS]> {
    let n = sample.n_stored();
    if n < BINS_FROM || n as u64 != moments.count {
        return None;
    }
    let n_bins = (2 * n).next_power_of_two().clamp(MIN_BINS, MAX_GRID_BINS);
    let grid = BinGrid {
        low: moments.min,
        scale: (n_bins - 1) as f64 / (moments.max - moments.min),
    };
    // The range may overflow, or be so small that the scale does.
    if !grid.scale.is_finite() || grid.scale <= 0.0 {
        return None;
    }
    let QuantileScratch {
        indices, f64_keys, ..
    } = scratch;
    indices.resize(n, 0);
    write_indices(sample, grid, indices);
    let mut counts = [0_u32; MAX_GRID_BINS];
    indices.iter().for_each(|&bin| counts[slot(bin)] += 1);
    let rank_bins = bins_with_ranks(0, &counts[..n_bins], ranks);
    let bins: Vec<u16> = rank_bins.iter().map(|found| found.bin).collect();
    let n_collected = bins.iter().map(|&bin| counts[slot(bin)] as usize);
    if n_collected.sum::<usize>() > n / COLLECTED_DIVISOR {
        return None;
    }
    let mut marked = [false; MAX_GRID_BINS];
    bins.iter().for_each(|&bin| marked[slot(bin)] = true);
    f64_keys.clear();
    let mut bins_of_values = indices.iter();
    sample.for_each(|x, _| {
        if bins_of_values.next().is_some_and(|&bin| marked[slot(bin)]) {
            f64_keys.push(f64_key(x));
        }
    });
    let positions = positions_in_marked_bins(&counts, &bins, &rank_bins, ranks);
    Some(select(f64_keys, &positions).map(f64_of_key))
}

/// Writes the bins of all values, part by part.
fn write_indices(sample: &Sample<'_>, grid: BinGrid<f64>, mut indices: &mut [u16]) {
    let arch = Arch::new();
    for part in &sample.parts {
        let (indices_of_part, rest) = indices.split_at_mut(part.values.len());
        match part.values {
            Values::F32(values) => arch.dispatch(BinIndices {
                grid,
                values,
                indices: indices_of_part,
            }),
            Values::F64(values) => arch.dispatch(BinIndices {
                grid,
                values,
                indices: indices_of_part,
            }),
        }
        indices = rest;
    }
}
