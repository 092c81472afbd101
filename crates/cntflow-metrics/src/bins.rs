//! Order statistics of many finite f32 values: counted in bins of equal width, and only the few bins that hold a rank looked into.

use pulp::{Arch, Simd, WithSimd};

use crate::leading_bits::{key, weight};
use crate::order::{RANKS, select};

/// Bins over the range of a few of the values; the first and the last take all beyond.
const BINS: usize = 1 << 12;

/// Values that the range is taken from.
const SAMPLE: usize = 512;

/// Values whose bins are worked out at a time.
const CHUNK: usize = 1024;

/// Values that a second look is taken at together.
const LOOK: usize = 32;

/// Values looked into one by one at most, as a share of all: with more, they are too unevenly spread for bins of equal width.
pub(crate) const LOOKED_INTO: usize = 8;

/// The last bin.
const LAST: f32 = (BINS - 1) as f32;

/// Added to a small number, leaves the nearest whole one in the low bits: a conversion that vector registers have.
const ROUND: f32 = (1 << 23) as f32;

/// Bins that hold a rank, where both ranks of a quantile lie in one, and those of both samples too.
const FEW: usize = RANKS / 2;

/// Bins that hold a rank of either sample at most.
const MOST: usize = 2 * RANKS;

/// Counts of values in bins.
#[derive(Debug)]
pub(crate) struct Bins {
    low: f32,
    scale: f32,
    counts: Box<[u32; BINS]>,
    total: u64,
}

impl Bins {
    /// Empty bins over the range that some of the values have; `None` where those are not finite or all the same.
    pub(crate) fn over(values: &[f32]) -> Option<Self> {
        let sample = values.iter().step_by((values.len() / SAMPLE).max(1));
        let range = |range: (f32, f32), &x: &f32| (range.0.min(x), range.1.max(x));
        let (low, high) = sample.fold((f32::INFINITY, f32::NEG_INFINITY), range);
        let scale = (BINS - 2) as f32 / (high - low);
        (low.is_finite() && scale.is_finite() && scale > 0.0).then(|| Self {
            low: low - 1.0 / scale,
            scale,
            counts: Box::new([0; BINS]),
            total: 0,
        })
    }

    /// Counts values, which have to be finite.
    pub(crate) fn count(&mut self, values: &[f32]) {
        let mut indices = [0; CHUNK];
        for chunk in values.chunks(CHUNK) {
            let indices = &mut indices[..chunk.len()];
            self.indices(chunk, indices);
            for &index in &*indices {
                self.counts[usize::from(index) % BINS] += 1;
            }
        }
        self.total += values.len() as u64;
    }

    fn indices(&self, values: &[f32], indices: &mut [u16]) {
        Arch::new().dispatch(Indices {
            bins: self,
            values,
            indices,
        });
    }

    /// The values of the given ranks, rising, among those that were counted, and among those and `more`. `None` where too many
    /// values would have to be looked at one by one.
    pub(crate) fn find(
        &self,
        counted: &[f32],
        more: &[f32],
        ranks: [&[u64; RANKS]; 2],
    ) -> Option<[[f64; RANKS]; 2]> {
        let mut with_more = self.counts.clone();
        let mut indices = vec![0; more.len()];
        self.indices(more, &mut indices);
        for &index in &indices {
            with_more[usize::from(index) % BINS] += 1;
        }
        let wanted = [
            wanted(&*self.counts, ranks[0]),
            wanted(&*with_more, ranks[1]),
        ];
        let mut marked: Vec<u16> = wanted.iter().flatten().map(|&(bin, _)| bin).collect();
        marked.sort_unstable();
        marked.dedup();
        let many = |&bin: &u16| u64::from(with_more[usize::from(bin)]);
        if marked.iter().map(many).sum::<u64>() > self.total / LOOKED_INTO as u64 + 1024 {
            return None;
        }
        let mut inside = Vec::new();
        self.look(counted, &marked, &mut inside);
        let select = |inside: &mut Vec<u32>, counts: &[u32; BINS], sample: usize| {
            let places = places_within(counts, &marked, &wanted[sample], ranks[sample]);
            select(inside, &places).map(|key| f64::from(weight(key)))
        };
        let of_counted = select(&mut inside, &self.counts, 0);
        self.look(more, &marked, &mut inside);
        Some([of_counted, select(&mut inside, &with_more, 1)])
    }

    /// Gathers the values of the marked bins.
    fn look(&self, values: &[f32], marked: &[u16], inside: &mut Vec<u32>) {
        Arch::new().dispatch(Look {
            bins: self,
            values,
            marked,
            inside,
        });
    }
}

/// The bin of a value, the same or a later one for a larger value.
#[inline(always)]
fn index(x: f32, low: f32, scale: f32) -> u16 {
    let place = (x - low) * scale;
    let place = if place > 0.0 { place } else { 0.0 };
    let place = if place < LAST { place } else { LAST };
    (place + ROUND).to_bits() as u16
}

/// The bins of some values being worked out. It is no closure, since those are not always compiled with the instructions that were
/// chosen; so with [`Look`].
struct Indices<'b> {
    bins: &'b Bins,
    values: &'b [f32],
    indices: &'b mut [u16],
}

impl WithSimd for Indices<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (low, scale) = (self.bins.low, self.bins.scale);
        for (bin, &x) in self.indices.iter_mut().zip(self.values) {
            *bin = index(x, low, scale);
        }
    }
}

/// The keys of the values in marked bins being gathered.
struct Look<'b> {
    bins: &'b Bins,
    values: &'b [f32],
    marked: &'b [u16],
    inside: &'b mut Vec<u32>,
}

impl WithSimd for Look<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match self.marked.len() {
            n if n <= FEW => self.all::<FEW>(),
            n if n <= RANKS => self.all::<RANKS>(),
            _ => self.all::<MOST>(),
        }
    }
}

impl Look<'_> {
    /// With room for `N` marked bins.
    #[inline(always)]
    fn all<const N: usize>(self) {
        let (low, scale) = (self.bins.low, self.bins.scale);
        let Some(&first) = self.marked.first() else {
            return;
        };
        let mut marked = [first; N];
        marked[..self.marked.len()].copy_from_slice(self.marked);
        let mut indices = [0; CHUNK];
        for values in self.values.chunks(CHUNK) {
            let indices = &mut indices[..values.len()];
            for (bin, &x) in indices.iter_mut().zip(values) {
                *bin = index(x, low, scale);
            }
            let (runs, rest) = values.as_chunks();
            let (index_runs, index_rest) = indices.as_chunks();
            for (run, indices) in runs.iter().zip(index_runs) {
                gather(run, indices, &marked, self.inside);
            }
            let found = rest.iter().zip(index_rest);
            let found = found.filter(|(_, index)| self.marked.contains(index));
            self.inside.extend(found.map(|(&value, _)| key(value)));
        }
    }
}

/// Gathers the keys of the values in marked bins.
#[inline(always)]
fn gather<const N: usize>(
    run: &[f32; LOOK],
    indices: &[u16; LOOK],
    marked: &[u16; N],
    inside: &mut Vec<u32>,
) {
    let mut hits = [0; LOOK];
    for (hit, &index) in hits.iter_mut().zip(indices) {
        for &bin in marked {
            *hit |= if bin == index { u16::MAX } else { 0 };
        }
    }
    // Few runs have one.
    if hits.iter().fold(0, |any, hit| any | hit) != 0 {
        let found = run.iter().zip(hits).filter(|(_, hit)| *hit != 0);
        inside.extend(found.map(|(&value, _)| key(value)));
    }
}

/// Bins whose counts are added up before one of them is looked into.
const RUN: usize = 64;

/// The bins that hold a rank, each with the number of values below it.
pub(crate) fn wanted(counts: &[u32], ranks: &[u64; RANKS]) -> Vec<(u16, u64)> {
    let mut wanted = Vec::with_capacity(RANKS);
    let mut ranks = ranks.iter().peekable();
    let mut before = 0;
    for (first, run) in (0..).step_by(RUN).zip(counts.chunks(RUN)) {
        let in_run: u64 = run.iter().map(|&count| u64::from(count)).sum();
        if ranks.peek().is_none_or(|rank| **rank >= before + in_run) {
            before += in_run;
            continue;
        }
        for (bin, &count) in (first..).zip(run) {
            let end = before + u64::from(count);
            if ranks.next_if(|rank| **rank < end).is_some() {
                wanted.push((bin, before));
                while ranks.next_if(|rank| **rank < end).is_some() {}
            }
            before = end;
        }
    }
    wanted
}

/// Where the ranks lie among the values of the marked bins alone, those that hold a rank and maybe others.
pub(crate) fn places_within(
    counts: &[u32],
    marked: &[u16],
    wanted: &[(u16, u64)],
    ranks: &[u64; RANKS],
) -> [usize; RANKS] {
    let mut places = [0; RANKS];
    let mut ranks = ranks.iter().zip(&mut places).peekable();
    let mut wanted = wanted.iter().peekable();
    let mut first = 0;
    for &bin in marked {
        let count = u64::from(counts[usize::from(bin)]);
        if let Some(&(_, before)) = wanted.next_if(|(wanted, _)| *wanted == bin) {
            while let Some((rank, place)) = ranks.next_if(|(rank, _)| **rank < before + count) {
                *place = (first + rank - before) as usize;
            }
        }
        first += count;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Moments;
    use crate::order::Quantiles;
    use crate::sample::{Sample, Scratch, Times, Values};

    fn noise(n: u32) -> impl Iterator<Item = f32> {
        let bits = |i: u32| {
            let bits = i.wrapping_mul(2_654_435_761).rotate_left(13);
            bits.wrapping_mul(0x85eb_ca6b)
        };
        (0..n).map(move |i| (bits(i) >> 8) as f32 / (1 << 24) as f32 - 0.5)
    }

    /// Quantiles by bins, of a sample and of it and more, are those by selection.
    fn check(values: &[f32], more: &[f32]) {
        let inner = Sample::weights(values);
        let outer = inner.clone().with(Values::F32(more), Times::Once);
        let moments = [&inner, &outer].map(|sample| Moments::of(sample));
        let mut bins = Bins::over(values).unwrap();
        values.chunks(999).for_each(|chunk| bins.count(chunk));
        let counts = [moments[0].count, moments[1].count];
        let found = Quantiles::found(counts, |ranks| bins.find(values, more, ranks)).unwrap();
        let scratch = &mut Scratch::default();
        assert_eq!(found[0], Quantiles::of(&inner, &moments[0], scratch));
        assert_eq!(found[1], Quantiles::of(&outer, &moments[1], scratch));
    }

    #[test]
    fn order_statistics_are_those_by_selection() {
        let uniform: Vec<f32> = noise(40_000).collect();
        check(&uniform, &[]);
        check(&uniform, &uniform[5..300]);
        let cubes: Vec<f32> = noise(30_011).map(|x| 1e4 * x * x * x).collect();
        check(&cubes, &[1e30, -1e30, 0.0, -0.0]);
        let steps: Vec<f32> = noise(20_000).map(|x| (x * 3e4).round()).collect();
        check(&steps, &steps[..17]);
    }

    #[test]
    fn what_bins_do_not_help_with_is_left_to_others() {
        let mut spike = vec![0.0; 20_000];
        (spike[0], spike[39], spike[19_999]) = (1.0, -3.0, 1e30);
        let mut bins = Bins::over(&spike).unwrap();
        bins.count(&spike);
        let found = Quantiles::found([20_000; 2], |ranks| bins.find(&spike, &[], ranks));
        assert_eq!(found, None);
        assert!(Bins::over(&[f32::NAN; 3]).is_none() && Bins::over(&[1.0; 9]).is_none());
        assert!(Bins::over(&[f32::MIN, f32::MAX]).is_none());
    }
}
