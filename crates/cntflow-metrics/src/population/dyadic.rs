//! The dyadic grid: which bin a value is in. Bins are computed with integers only and depend on the
//! value and the level alone, not on the values before.
//!
//! A value is rounded to 24 significant bits, those of an f32. Its key is then its octave (its
//! power of two) and 23 bits within the octave. A bin of level L holds values of one sign and one
//! octave. It is 2^(L - 1023) wide, or the whole octave where the octave is narrower.
//!
//! Two neighbouring bins of level L make one of level L + 1, never across the border of an octave.
//! So all values of a bin have a last bit of the same size, and sums over a bin are sums of
//! integers.

/// Bits of a value below its leading bit.
const BITS: u32 = 23;

/// Bits of an f64 that are rounded away.
const DROPPED: u32 = f64::MANTISSA_DIGITS - 1 - BITS;

/// Octaves below a bin's width that are kept apart from zero. Values below 2^-24 of the width do
/// not move a density.
const OCTAVES_BELOW: u32 = 24;

/// The largest level, at which all bins are whole octaves.
pub(super) const LAST_LEVEL: u32 = 2046;

/// The key of a value, rounded to 24 significant bits: an integer that rises with the value.
/// Subnormal numbers are zero.
///
/// NaN and infinities have no key; callers leave them out.
pub(super) fn key_of(x: f64) -> i64 {
    let bits = x.abs().min(f64::MAX).to_bits();
    let rounded = (bits + (1 << (DROPPED - 1))) >> DROPPED;
    // A number that would round up to infinity becomes the largest one.
    let largest = (((LAST_LEVEL + 1) as u64) << BITS) - 1;
    let key = rounded.min(largest) as i64;
    match key >> BITS {
        0 => 0,
        _ if x < 0.0 => -key,
        _ => key,
    }
}

/// Whether the key of a value is not exact: the value has more than 24 significant bits, or is
/// subnormal.
pub(super) fn is_rounded(x: f64) -> bool {
    let dropped = x.to_bits() & ((1 << DROPPED) - 1) != 0;
    dropped || (x != 0.0 && !x.is_normal())
}

/// Octave of a key that is not zero.
fn octave(key: i64) -> u32 {
    (key.unsigned_abs() >> BITS) as u32
}

/// Number of low bits of a key that differ within its bin.
fn shift(octave: u32, level: u32) -> u32 {
    BITS.saturating_sub(octave.saturating_sub(level))
}

/// The bin of a key at a level, by its inner key: the key of its end towards zero. So the bin of a
/// finer bin's inner key is the coarser bin that contains the finer one.
pub(super) fn bin_of(key: i64, level: u32) -> i64 {
    if key == 0 || octave(key) + OCTAVES_BELOW < level {
        return 0;
    }
    let shift = shift(octave(key), level);
    let magnitude = (key.unsigned_abs() >> shift << shift) as i64;
    magnitude * key.signum()
}

/// Distance of a bin's centre from its end towards zero, in units of the octave's last bit.
fn half(bin: i64, level: u32) -> i64 {
    match bin {
        0 => 0,
        _ => (1 << shift(octave(bin), level)) / 2,
    }
}

/// Distance of a key from the centre of its bin, away from zero, in units of the octave's last bit.
pub(super) fn offset(key: i64, bin: i64, level: u32) -> i64 {
    match bin {
        0 => 0,
        _ => key.abs() - bin.abs() - half(bin, level),
    }
}

/// Distance of the centre of a bin from the centre of the coarser bin that contains it.
pub(super) fn offset_of_bin((bin, level): (i64, u32), (coarse, coarser): (i64, u32)) -> i64 {
    match coarse {
        0 => 0,
        _ => offset(bin.abs() + half(bin, level), coarse, coarser),
    }
}

/// Centre of a bin, half its width, and the size of its last bit with the bin's sign.
pub(super) fn extent(bin: i64, level: u32) -> (f64, f64, f64) {
    if bin == 0 {
        return (0.0, 0.0, 0.0);
    }
    let unit = last_bit(octave(bin)) * bin.signum() as f64;
    let half = half(bin, level);
    // The centre in units of the last bit, with its leading bit, which the key leaves out.
    let centre = (bin.abs() & ((1 << BITS) - 1)) + (1 << BITS) + half;
    (centre as f64 * unit, (half as f64 * unit).abs(), unit)
}

/// `2^(octave - 1023 - BITS)`. The smallest ones are subnormal.
fn last_bit(octave: u32) -> f64 {
    // An octave is the exponent as it is in the bits of an f64.
    let power = f64::from_bits(u64::from(octave) << (f64::MANTISSA_DIGITS - 1));
    power / f64::from(1 << BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_their_values() {
        let values = [
            f64::MIN,
            -2.0,
            -1.5,
            -1e-300,
            0.0,
            1e-310,
            1e-300,
            0.1,
            1.0,
            1.0 + 1e-6,
            f64::MAX,
        ];
        let keys = values.map(key_of);
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(key_of(1e-310), 0);
        assert_eq!(key_of(-0.0), 0);
    }

    #[test]
    fn a_value_is_its_bins_centre_and_its_offset() {
        for level in [0, 1000, 1010, 1019, 1023, 1030] {
            for x in [0.3_f32, -0.3, 1.0, -7.25, 1e-3, 123_456.7] {
                let x = f64::from(x);
                let key = key_of(x);
                let bin = bin_of(key, level);
                let (centre, half, unit) = extent(bin, level);
                let restored = centre + offset(key, bin, level) as f64 * unit;
                assert!((x - centre).abs() <= half, "{x} at {level}");
                assert!(
                    bin == 0 || restored == x,
                    "{x} at {level}: {restored}, {centre} {half}"
                );
            }
        }
    }

    #[test]
    fn finer_bins_are_contained_in_coarser_ones() {
        for x in [0.3, -0.3, 5.0, -1e-5] {
            let key = key_of(x);
            for level in 990..1030 {
                let bin = bin_of(key, level);
                let coarse = bin_of(key, level + 1);
                assert_eq!(bin_of(bin, level + 1), coarse);
                let moved =
                    offset(key, bin, level) + offset_of_bin((bin, level), (coarse, level + 1));
                if coarse != 0 {
                    assert_eq!(moved, offset(key, coarse, level + 1));
                }
            }
        }
    }

    #[test]
    fn only_what_an_f32_cannot_hold_is_rounded() {
        assert!(!is_rounded(f64::from(0.1_f32)) && !is_rounded(0.0) && !is_rounded(-3.0));
        assert!(is_rounded(0.1) && is_rounded(1e-310));
    }
}
