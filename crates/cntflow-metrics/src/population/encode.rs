//! Summaries as bytes, for tables: a version, flags, then numbers of variable length, column by
//! column, since the numbers of a column are alike.

use super::bins::{Bin, Bins, POWERS};
use super::dyadic::{LAST_LEVEL, bin_of};
use super::summary::{EXACT_VALUES, MAX_BINS, Values};
use super::{SamplePoints, SampleSummary};

/// First byte of every summary.
const VERSION: u8 = 1;

/// Flag: the values are exact, not binned.
const EXACT: u8 = 1;

/// Flag: values were rounded to 24 bits.
const ROUNDED: u8 = 1 << 1;

/// Why bytes are not a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are of another version, or of something else.
    #[error("sample summary has version {found}, this program reads version {VERSION}")]
    Version {
        /// The first byte.
        found: u8,
    },
    /// The bytes end early, go on after the end, or contradict themselves.
    #[error("sample summary is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
}

impl SampleSummary {
    /// The summary as bytes: equal summaries give equal bytes.
    ///
    /// ```
    /// use cntflow_metrics::population::SampleSummary;
    ///
    /// let sample: SampleSummary = (0..10_000).map(|i| (f64::from(i) * 0.01).sin()).collect();
    /// assert_eq!(SampleSummary::from_bytes(&sample.to_bytes())?, sample);
    /// # Ok::<(), cntflow_metrics::population::DecodeError>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let exact = if self.is_exact() { EXACT } else { 0 };
        let rounded = if self.rounded { ROUNDED } else { 0 };
        let mut out = vec![VERSION, exact | rounded];
        put(&mut out, self.nan.into());
        put(&mut out, self.infinite.into());
        let (min, max) = self.range.unwrap_or((f64::NAN, f64::NAN));
        put_real(&mut out, min);
        put_real(&mut out, max);
        match &self.values {
            Values::Exact(values) => {
                put(&mut out, values.len() as u128);
                values.iter().for_each(|&(x, _)| put_real(&mut out, x));
                values.iter().for_each(|&(_, n)| put(&mut out, n.into()));
            }
            Values::Binned(bins) => put_bins(&mut out, bins),
        }
        out
    }

    /// The summary from the bytes of [`SampleSummary::to_bytes`].
    ///
    /// # Errors
    /// The bytes are of another version, end early, go on after the end, or cannot be a summary.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut bytes = Bytes(bytes);
        let header = bytes.header()?;
        let values = if header.is_exact() {
            Values::Exact(bytes.values()?)
        } else {
            Values::Binned(bytes.bins()?)
        };
        check(bytes.0.is_empty(), "bytes after the end")?;
        let empty = matches!(&values, Values::Exact(values) if values.is_empty());
        Ok(Self {
            values,
            range: header.range(empty)?,
            nan: header.nan,
            infinite: header.infinite,
            rounded: header.flags & ROUNDED != 0,
        })
    }
}

impl SamplePoints {
    /// The points of the sample with these bytes: those of [`SamplePoints::of`]. Only what they
    /// need is decoded, which takes a third of the time.
    ///
    /// ```
    /// use cntflow_metrics::population::{SamplePoints, SampleSummary};
    ///
    /// let sample: SampleSummary = (0..100_000).map(|i| f64::from(i).sin()).collect();
    /// let points = SamplePoints::from_bytes(&sample.to_bytes())?;
    /// assert_eq!(points, SamplePoints::of(&sample));
    /// # Ok::<(), cntflow_metrics::population::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// The bytes are of another version, end before what is decoded, or cannot be a summary. The
    /// sums of higher powers are not looked at.
    pub fn from_bytes(encoded: &[u8]) -> Result<Self, DecodeError> {
        let mut bytes = Bytes(encoded);
        let header = bytes.header()?;
        if header.is_exact() {
            return Ok(Self::of(&SampleSummary::from_bytes(encoded)?));
        }
        // The sums of higher powers come last.
        let bins: Bins<2> = bytes.bins()?;
        Ok(Self::of_bins(header.range(false)?, &bins))
    }
}

/// What comes before the values.
struct Header {
    flags: u8,
    nan: u64,
    infinite: u64,
    min: f64,
    max: f64,
}

impl Header {
    fn is_exact(&self) -> bool {
        self.flags & EXACT != 0
    }

    /// Smallest and largest value of a sample; `None` if it is empty.
    fn range(&self, is_empty: bool) -> Result<Option<(f64, f64)>, DecodeError> {
        let is_valid = if is_empty {
            self.min.is_nan()
        } else {
            self.min <= self.max
        };
        check(is_valid, "minimum above maximum")?;
        Ok((!is_empty).then_some((self.min, self.max)))
    }
}

/// Writes level and number of bins, then the inner keys (each as the difference from the one
/// before), then the counts, then the sums power by power.
fn put_bins(out: &mut Vec<u8>, bins: &Bins) {
    put(out, bins.level.into());
    put(out, bins.bins.len() as u128);
    let mut last = 0_i64;
    for bin in &bins.bins {
        // Inner keys are multiples of a power of two, so steps end in zero bits.
        let step = bin.inner_key.wrapping_sub(last);
        let zeros = step.trailing_zeros().min(63);
        out.push(zeros as u8);
        put(out, unsigned((step >> zeros).into()));
        last = bin.inner_key;
    }
    bins.bins.iter().for_each(|bin| put(out, bin.count.into()));
    for power in 0..POWERS {
        let sums = bins.bins.iter().map(|bin| bin.sums[power]);
        sums.for_each(|sum| put(out, unsigned(sum)));
    }
}

/// Writes a number: seven bits a byte, the low ones first. The high bit says that more follow.
fn put(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_real(out: &mut Vec<u8>, value: f64) {
    out.extend(value.to_bits().to_le_bytes());
}

/// Maps 0, -1, 1, -2, ... to 0, 1, 2, 3, ..., so that small numbers of both signs stay small.
fn unsigned(value: i128) -> u128 {
    (value << 1 ^ value >> 127) as u128
}

fn check(holds: bool, what: &'static str) -> Result<(), DecodeError> {
    if holds {
        Ok(())
    } else {
        Err(DecodeError::Damaged { what })
    }
}

/// The bytes that are not read yet.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(DecodeError::Damaged {
            what: "it ends early",
        })?;
        self.0 = rest;
        Ok(*first)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn real(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_bits(u64::from_le_bytes(self.take()?)))
    }

    fn number(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u64;
        // Nearly all numbers are short.
        for (index, byte) in self.0.iter().take(9).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.0 = &self.0[index + 1..];
                return Ok(value.into());
            }
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Damaged {
            what: "number of more than 128 bits",
        })
    }

    fn count(&mut self) -> Result<u64, DecodeError> {
        let count = u64::try_from(self.number()?);
        count.map_err(|_| DecodeError::Damaged {
            what: "count of more than 64 bits",
        })
    }

    fn signed(&mut self) -> Result<i128, DecodeError> {
        let value = self.number()?;
        Ok((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    fn length(&mut self, limit: usize) -> Result<usize, DecodeError> {
        let length = self.count()?;
        check(length <= limit as u64, "too many values or bins")?;
        Ok(length as usize)
    }

    fn header(&mut self) -> Result<Header, DecodeError> {
        match self.byte()? {
            VERSION => {}
            found => return Err(DecodeError::Version { found }),
        }
        Ok(Header {
            flags: self.byte()?,
            nan: self.count()?,
            infinite: self.count()?,
            min: self.real()?,
            max: self.real()?,
        })
    }

    fn values(&mut self) -> Result<Vec<(f64, u64)>, DecodeError> {
        let length = self.length(EXACT_VALUES)?;
        let mut values = Vec::with_capacity(length);
        for _ in 0..length {
            values.push((self.real()?, 0));
        }
        for value in &mut values {
            value.1 = self.count()?;
        }
        let sorted = values.is_sorted_by(|a, b| a.0 < b.0);
        let finite = values.iter().all(|&(x, times)| x.is_finite() && times > 0);
        check(sorted && finite, "values out of order")?;
        Ok(values)
    }

    /// Bins with the sums of the first P powers. Others stay where they are.
    fn bins<const P: usize>(&mut self) -> Result<Bins<P>, DecodeError> {
        let level = self.count()?;
        check(level <= LAST_LEVEL.into(), "unknown level")?;
        let level = level as u32;
        let inner_keys = self.inner_keys(level)?;
        let mut bins: Vec<Bin<P>> = Vec::with_capacity(inner_keys.len());
        for inner_key in inner_keys {
            let (count, sums) = (self.count()?, [0; P]);
            check(count > 0, "empty bin")?;
            bins.push(Bin {
                inner_key,
                count,
                sums,
            });
        }
        for power in 0..P {
            for bin in &mut bins {
                bin.sums[power] = self.signed()?;
            }
        }
        Ok(Bins { level, bins })
    }

    fn inner_keys(&mut self, level: u32) -> Result<Vec<i64>, DecodeError> {
        let length = self.length(MAX_BINS)?;
        let mut inner_keys: Vec<i64> = Vec::with_capacity(length);
        let mut last = 0_i64;
        for _ in 0..length {
            let zeros = self.byte()?.min(63);
            let step = (self.signed()? as i64) << zeros;
            last = last.wrapping_add(step);
            inner_keys.push(last);
        }
        let is_on_grid = |inner_key: &i64| {
            inner_key.unsigned_abs() >> 23 <= LAST_LEVEL.into()
                && bin_of(*inner_key, level) == *inner_key
        };
        let sorted = inner_keys.is_sorted_by(|a, b| a < b);
        check(
            length > 0 && sorted && inner_keys.iter().all(is_on_grid),
            "bins out of order or off the grid",
        )?;
        Ok(inner_keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> [SampleSummary; 4] {
        let wave = |n: u32| (0..n).map(|i| (f64::from(i) * 0.37).sin() + 0.2);
        [
            SampleSummary::default(),
            wave(50).chain([f64::NAN, f64::INFINITY]).collect(),
            wave(20_000).collect(),
            wave(30_000).map(|x| x * 1e-200).collect(),
        ]
    }

    #[test]
    fn summaries_survive_bytes() {
        for sample in samples() {
            assert_eq!(SampleSummary::from_bytes(&sample.to_bytes()), Ok(sample));
        }
    }

    #[test]
    fn cut_bytes_are_refused_and_changed_ones_never_panic() {
        for sample in samples() {
            let bytes = sample.to_bytes();
            let points = SamplePoints::from_bytes(&bytes).unwrap();
            // Moments of nothing are NaN, which is not equal to itself.
            let text = |points: SamplePoints| format!("{points:?}");
            assert_eq!(text(points), text(SamplePoints::of(&sample)));
            for end in (0..bytes.len()).step_by(1 + bytes.len() / 300) {
                assert!(SampleSummary::from_bytes(&bytes[..end]).is_err());
                let mut changed = bytes.clone();
                changed[end] ^= 0xff;
                let _ = SampleSummary::from_bytes(&changed);
                let _ = SamplePoints::from_bytes(&changed);
            }
        }
        let error = SampleSummary::from_bytes(&[7, 0]).unwrap_err();
        assert_eq!(error, DecodeError::Version { found: 7 });
    }
}
