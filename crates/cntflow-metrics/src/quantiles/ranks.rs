//! The ranks that quantiles lie between, and where they lie among binned values.

/// The quantiles that a [`Summary`](crate::Summary) holds, in the order of its fields.
pub const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// Order statistics needed for the quantiles: two for each.
pub(super) const RANKS: usize = 2 * QUANTILES.len();

/// Bins whose counts are added up before one of them is examined.
const BINS_AT_ONCE: usize = 64;

/// A bin that holds a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RankBin {
    pub(super) bin: u16,
    /// Number of values in the bins before it.
    pub(super) below: u64,
}

/// The ranks below and above every quantile's position `q (n - 1)`, in rising order.
pub(super) fn ranks(count: u64) -> [u64; RANKS] {
    let mut ranks = [0; RANKS];
    for (pair, q) in ranks.chunks_exact_mut(2).zip(QUANTILES) {
        pair.copy_from_slice(&ranks_beside(q, count));
    }
    ranks.sort_unstable();
    ranks
}

fn ranks_beside(q: f64, count: u64) -> [u64; 2] {
    let low = position(q, count) as u64;
    [low, (low + 1).min(count - 1)]
}

/// `q (n - 1)`, numpy's default: quantile 0 is the first value and quantile 1 the last.
fn position(q: f64, count: u64) -> f64 {
    q * (count - 1) as f64
}

/// The quantiles, from the order statistics at `ranks`.
pub(super) fn interpolate(
    count: u64,
    ranks: &[u64; RANKS],
    order_statistics: &[f64; RANKS],
) -> [f64; QUANTILES.len()] {
    QUANTILES.map(|q| {
        let value = |rank| order_statistics[ranks.partition_point(|&r| r < rank)];
        let [low, high] = ranks_beside(q, count).map(value);
        low + (high - low) * position(q, count).fract()
    })
}

/// The bins that hold a rank. `counts` are those of the bins from `first` on.
pub(super) fn bins_with_ranks<C: Copy + Into<u64>>(
    first: u16,
    counts: &[C],
    ranks: &[u64; RANKS],
) -> Vec<RankBin> {
    let mut found = Vec::with_capacity(RANKS);
    let mut ranks = ranks.iter().peekable();
    let mut below = 0;
    for (first, run) in (first..)
        .step_by(BINS_AT_ONCE)
        .zip(counts.chunks(BINS_AT_ONCE))
    {
        // Most runs hold no rank: their sum is enough.
        let in_run: u64 = run.iter().map(|&count| count.into()).sum();
        if ranks.peek().is_none_or(|rank| **rank >= below + in_run) {
            below += in_run;
            continue;
        }
        for (bin, &count) in (first..).zip(run) {
            let end = below + count.into();
            if ranks.next_if(|rank| **rank < end).is_some() {
                found.push(RankBin { bin, below });
                while ranks.next_if(|rank| **rank < end).is_some() {}
            }
            below = end;
        }
    }
    found
}

/// Positions of the ranks among the values of the marked bins alone.
///
/// `marked` rises and has every bin of `rank_bins`, maybe with others between them.
pub(super) fn positions_in_marked_bins(
    counts: &[u32],
    marked: &[u16],
    rank_bins: &[RankBin],
    ranks: &[u64; RANKS],
) -> [usize; RANKS] {
    let mut positions = [0; RANKS];
    let mut ranks = ranks.iter().zip(&mut positions).peekable();
    let mut rank_bins = rank_bins.iter().peekable();
    // Values of the marked bins so far.
    let mut first = 0;
    for &bin in marked {
        let count = u64::from(counts[usize::from(bin)]);
        if let Some(&RankBin { below, .. }) = rank_bins.next_if(|found| found.bin == bin) {
            while let Some((rank, position)) = ranks.next_if(|(rank, _)| **rank < below + count) {
                *position = (first + rank - below) as usize;
            }
        }
        first += count;
    }
    positions
}

/// Goes through values in rising order and notes those at the ranks.
pub(super) struct RankWalk<'a> {
    ranks: &'a [u64; RANKS],
    /// The values at the ranks so far; NaN for the others.
    pub(super) values: [f64; RANKS],
    next: usize,
    /// Number of values before the next one.
    pub(super) below: u64,
}

impl<'a> RankWalk<'a> {
    pub(super) fn new(ranks: &'a [u64; RANKS]) -> Self {
        Self {
            ranks,
            values: [f64::NAN; RANKS],
            next: 0,
            below: 0,
        }
    }

    /// Takes the next larger value, which counts `times` times.
    pub(super) fn take(&mut self, x: f64, times: u64) {
        self.below += times;
        while self.next < RANKS && self.ranks[self.next] < self.below {
            self.values[self.next] = x;
            self.next += 1;
        }
    }
}
