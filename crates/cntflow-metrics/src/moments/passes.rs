//! The two passes over a sample that its moments come from.

use pulp::{Arch, Simd, WithSimd};

use crate::sample::{Part, Times, Values};

/// Values summed side by side. The compiler can then use vector registers, and rounding errors grow
/// more slowly.
const LANES: usize = 8;

/// Values that are checked for NaN and infinities at once.
const BLOCK: usize = 2048;

/// The first pass: sums, extremes and counts.
#[derive(Clone, Copy)]
pub(crate) struct FirstPass {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) l1: f64,
    pub(crate) squares: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) zeros: u64,
    pub(crate) nan: u64,
    pub(crate) infinite: u64,
}

impl Default for FirstPass {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            l1: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            zeros: 0,
            nan: 0,
            infinite: 0,
        }
    }
}

impl FirstPass {
    /// Takes the values of one part.
    pub(crate) fn part(&mut self, part: &Part<'_>) {
        match (part.values, part.times) {
            (Values::F32(values), Times::Once) => values.chunks(BLOCK).for_each(|b| self.block(b)),
            (Values::F64(values), Times::Once) => values.chunks(BLOCK).for_each(|b| self.block(b)),
            (Values::F32(values), times) => {
                times.for_each(values, |x, n| self.value(f64::from(x), n))
            }
            (Values::F64(values), times) => times.for_each(values, |x, n| self.value(x, n)),
        }
    }

    fn value(&mut self, x: f64, times: u64) {
        if !x.is_finite() {
            *(if x.is_nan() {
                &mut self.nan
            } else {
                &mut self.infinite
            }) += times;
            return;
        }
        let n = times as f64;
        self.count += times;
        self.sum += n * x;
        self.l1 += n * x.abs();
        self.squares += n * x * x;
        self.min = self.min.min(x);
        self.max = self.max.max(x);
        self.zeros += if x == 0.0 { times } else { 0 };
    }

    /// Takes a block of values that count once. If their sum is infinite or NaN, one of them may
    /// be, so each is looked at.
    fn block<T: Copy + Into<f64>>(&mut self, block: &[T]) {
        let (runs, rest) = block.as_chunks();
        let lanes = Arch::new().dispatch(SumRuns(runs));
        if !lanes.l1.iter().sum::<f64>().is_finite() {
            return block.iter().for_each(|&x| self.value(x.into(), 1));
        }
        self.count += (block.len() - rest.len()) as u64;
        for lane in 0..LANES {
            self.sum += lanes.sum[lane];
            self.l1 += lanes.l1[lane];
            self.squares += lanes.squares[lane];
            self.min = self.min.min(lanes.min[lane]);
            self.max = self.max.max(lanes.max[lane]);
            self.zeros += lanes.zeros[lane] as u64;
        }
        rest.iter().for_each(|&x| self.value(x.into(), 1));
    }
}

#[derive(Clone, Copy)]
struct Lanes {
    sum: [f64; LANES],
    l1: [f64; LANES],
    squares: [f64; LANES],
    min: [f64; LANES],
    max: [f64; LANES],
    zeros: [f64; LANES],
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            sum: [0.0; LANES],
            l1: [0.0; LANES],
            squares: [0.0; LANES],
            min: [f64::INFINITY; LANES],
            max: [f64::NEG_INFINITY; LANES],
            zeros: [0.0; LANES],
        }
    }
}

/// The first pass over some runs. A type, not a closure; see `BinIndices`. [`SumPowers`] likewise.
struct SumRuns<'r, T>(&'r [[T; LANES]]);

impl<T: Copy + Into<f64>> WithSimd for SumRuns<'_, T> {
    type Output = Lanes;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Lanes {
        let mut lanes = Lanes::default();
        self.0.iter().for_each(|run| lanes.run(run));
        lanes
    }
}

impl Lanes {
    #[inline(always)]
    fn run<T: Copy + Into<f64>>(&mut self, run: &[T; LANES]) {
        for (lane, &value) in run.iter().enumerate() {
            let x = value.into();
            self.sum[lane] += x;
            self.l1[lane] += x.abs();
            self.squares[lane] += x * x;
            // Comparisons, not `min` and `max`: those handle NaN, which costs time. Here NaN has no
            // effect.
            self.min[lane] = if x < self.min[lane] {
                x
            } else {
                self.min[lane]
            };
            self.max[lane] = if x > self.max[lane] {
                x
            } else {
                self.max[lane]
            };
            self.zeros[lane] += if x == 0.0 { 1.0 } else { 0.0 };
        }
    }
}

/// The second pass: sums of the powers 1 to 4 of `x - about`, lane by lane.
pub(crate) struct SecondPass {
    about: f64,
    powers: [[f64; LANES]; 4],
}

impl SecondPass {
    pub(crate) fn about(about: f64) -> Self {
        let powers = [[0.0; LANES]; 4];
        Self { about, powers }
    }

    /// Takes the values of one part. `all_finite` allows the quicker way.
    pub(crate) fn part(&mut self, part: &Part<'_>, all_finite: bool) {
        match (part.values, part.times) {
            (Values::F32(values), Times::Once) if all_finite => self.all(values),
            (Values::F64(values), Times::Once) if all_finite => self.all(values),
            (Values::F32(values), times) => {
                times.for_each(values, |x, n| self.value(f64::from(x), n))
            }
            (Values::F64(values), times) => times.for_each(values, |x, n| self.value(x, n)),
        }
    }

    fn value(&mut self, x: f64, times: u64) {
        if x.is_finite() {
            let (d, n) = (x - self.about, times as f64);
            let square = d * d;
            self.powers[0][0] += n * d;
            self.powers[1][0] += n * square;
            self.powers[2][0] += n * square * d;
            self.powers[3][0] += n * square * square;
        }
    }

    fn all<T: Copy + Into<f64>>(&mut self, values: &[T]) {
        let (runs, rest) = values.as_chunks();
        self.powers = Arch::new().dispatch(SumPowers { second: self, runs });
        rest.iter().for_each(|&x| self.value(x.into(), 1));
    }

    /// The correction of the rounded mean `about`, and the central sums of the powers 2 to 4 about
    /// the corrected mean.
    pub(crate) fn central(&self, n: f64) -> (f64, [f64; 3]) {
        let [p1, p2, p3, p4] = self.powers.map(|lanes| lanes.iter().sum::<f64>());
        // `about` is the mean but for rounding, so the correction s is tiny and no digits cancel.
        let s = p1 / n;
        let m2 = p2 - s * p1;
        let m3 = p3 - 3.0 * s * p2 + 2.0 * s * s * p1;
        let m4 = p4 - 4.0 * s * p3 + 6.0 * s * s * p2 - 3.0 * s * s * s * p1;
        (s, [m2, m3, m4])
    }
}

/// Adds the powers of some runs to the sums of a second pass, and returns the new sums.
struct SumPowers<'r, T> {
    second: &'r SecondPass,
    runs: &'r [[T; LANES]],
}

impl<T: Copy + Into<f64>> WithSimd for SumPowers<'_, T> {
    type Output = [[f64; LANES]; 4];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let (mut powers, about) = (self.second.powers, self.second.about);
        for run in self.runs {
            for (lane, &x) in run.iter().enumerate() {
                let d = x.into() - about;
                let square = d * d;
                powers[0][lane] += d;
                powers[1][lane] += square;
                powers[2][lane] += square * d;
                powers[3][lane] += square * square;
            }
        }
        powers
    }
}
