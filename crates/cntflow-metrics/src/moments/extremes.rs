//! Extremes of f32 weights, side by side.

/// Smallest and largest weight, and the number of exact zeros, lane by lane.
#[derive(Clone, Debug)]
pub(crate) struct Extremes {
    min: [f32; LANES],
    max: [f32; LANES],
    zeros: [u64; LANES],
}

/// Weights compared side by side.
const LANES: usize = 32;

impl Default for Extremes {
    fn default() -> Self {
        Self {
            min: [f32::INFINITY; LANES],
            max: [f32::NEG_INFINITY; LANES],
            zeros: [0; LANES],
        }
    }
}

impl Extremes {
    /// Takes up to 2^32 weights. NaN is skipped: comparisons with it are false.
    #[inline(always)]
    pub(crate) fn take(&mut self, weights: &[f32]) {
        let (runs, rest) = weights.as_chunks::<LANES>();
        // Local arrays stay in registers. Zeros are counted in u32, as wide as the weights.
        let (mut min, mut max, mut zeros) = (self.min, self.max, [0_u32; LANES]);
        for run in runs {
            for lane in 0..LANES {
                let w = run[lane];
                min[lane] = if w < min[lane] { w } else { min[lane] };
                max[lane] = if w > max[lane] { w } else { max[lane] };
                zeros[lane] += u32::from(w == 0.0);
            }
        }
        (self.min, self.max) = (min, max);
        for (lane, zeros) in zeros.into_iter().enumerate() {
            self.zeros[lane] += u64::from(zeros);
        }
        for (lane, &w) in rest.iter().enumerate() {
            self.min[lane] = self.min[lane].min(w);
            self.max[lane] = self.max[lane].max(w);
            self.zeros[lane] += u64::from(w == 0.0);
        }
    }

    /// Smallest and largest weight; without weights `(inf, -inf)`.
    pub(super) fn range(&self) -> (f32, f32) {
        let min = self.min.iter().copied().fold(f32::INFINITY, f32::min);
        let max = self.max.iter().copied();
        (min, max.fold(f32::NEG_INFINITY, f32::max))
    }

    /// Number of exact zeros.
    pub(super) fn zeros(&self) -> u64 {
        self.zeros.iter().sum()
    }
}
