//! Building a summary of values that come one at a time.

use super::SampleSummary;
use super::summary::join_equal;

/// Values that are sorted together before they are added to the summary.
const BUFFERED: usize = 1 << 16;

/// Builds a [`SampleSummary`] from values one at a time, in bounded memory.
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
    buffer: Vec<(f64, u64)>,
}

impl SampleBuilder {
    /// Adds a value that counts `times` times. NaN and infinities are counted and left out.
    pub fn add(&mut self, value: f64, times: u64) {
        if times == 0 {
            return;
        }
        if !value.is_finite() {
            if value.is_nan() {
                self.summary.nan += times;
            } else {
                self.summary.infinite += times;
            }
            return;
        }
        // Adding 0 turns -0 into 0: the two must not be kept as different values.
        self.buffer.push((value + 0.0, times));
        if self.buffer.len() == BUFFERED {
            self.flush();
        }
    }

    /// The summary of all values.
    pub fn finish(mut self) -> SampleSummary {
        self.flush();
        self.summary
    }

    /// Adds the buffered values to the summary.
    fn flush(&mut self) {
        self.buffer.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        join_equal(&mut self.buffer);
        if let (Some(&(min, _)), Some(&(max, _))) = (self.buffer.first(), self.buffer.last()) {
            let (a, b) = self.summary.range.unwrap_or((min, max));
            self.summary.range = Some((a.min(min), b.max(max)));
        }
        self.summary.add_values(&self.buffer);
        self.buffer.clear();
    }
}

impl FromIterator<f64> for SampleSummary {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut builder = SampleBuilder::default();
        values.into_iter().for_each(|value| builder.add(value, 1));
        builder.finish()
    }
}
