//! Making a summary of values that come one at a time.

use super::SampleSummary;
use super::summary::put_together;

/// Values that are sorted together before the summary takes them in.
const RUN: usize = 1 << 16;

/// Takes values one at a time. Memory is bounded.
///
/// ```
/// use cntflow_metrics::population::SampleBuilder;
///
/// let mut builder = SampleBuilder::default();
/// builder.add(0.5, 3);
/// builder.add(2.5, 1);
/// let sample = builder.finish();
/// assert_eq!((sample.count(), sample.mean()), (4, 1.0));
/// ```
#[derive(Debug, Default)]
pub struct SampleBuilder {
    summary: SampleSummary,
    run: Vec<(f64, u64)>,
}

impl SampleBuilder {
    /// Adds a value that counts a number of times. NaN and infinities are counted and left out.
    pub fn add(&mut self, value: f64, times: u64) {
        if times == 0 {
            return;
        }
        if !value.is_finite() {
            *(if value.is_nan() {
                &mut self.summary.nan
            } else {
                &mut self.summary.infinite
            }) += times;
            return;
        }
        // There is one zero.
        self.run.push((value + 0.0, times));
        if self.run.len() == RUN {
            self.settle();
        }
    }

    /// The summary of all values.
    pub fn finish(mut self) -> SampleSummary {
        self.settle();
        self.summary
    }

    fn settle(&mut self) {
        self.run.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        put_together(&mut self.run);
        if let (Some(&(min, _)), Some(&(max, _))) = (self.run.first(), self.run.last()) {
            let (a, b) = self.summary.range.unwrap_or((min, max));
            self.summary.range = Some((a.min(min), b.max(max)));
        }
        self.summary.take(&self.run);
        self.run.clear();
    }
}

impl FromIterator<f64> for SampleSummary {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut builder = SampleBuilder::default();
        values.into_iter().for_each(|value| builder.add(value, 1));
        builder.finish()
    }
}
