//! Integers that compare as floating-point numbers do, and selection among them.
//!
//! Positive numbers compare as their bits. Negative ones compare the other way round, so all their
//! bits are flipped; flipping the sign bit of the positive ones puts them above. -0 is below 0.

use super::ranks::RANKS;

const SIGN_F32: u32 = 1 << 31;
const SIGN_F64: u64 = 1 << 63;

/// The ordered key of an f32.
pub(super) fn f32_key(x: f32) -> u32 {
    let bits = x.to_bits();
    if bits & SIGN_F32 != 0 {
        !bits
    } else {
        bits | SIGN_F32
    }
}

/// The number of an [`f32_key`].
pub(super) fn f32_of_key(key: u32) -> f32 {
    f32::from_bits(if key & SIGN_F32 != 0 {
        key & !SIGN_F32
    } else {
        !key
    })
}

/// The ordered key of an f64. Without a branch, so that keys of many values are vectorised: the
/// arithmetic shift makes a mask of all ones for negative numbers.
pub(super) fn f64_key(x: f64) -> u64 {
    let bits = x.to_bits();
    bits ^ ((bits as i64 >> 63) as u64 | SIGN_F64)
}

/// The number of an [`f64_key`].
pub(super) fn f64_of_key(key: u64) -> f64 {
    let mask = ((!key) as i64 >> 63) as u64 | SIGN_F64;
    f64::from_bits(key ^ mask)
}

/// The keys at rising positions of their order. Reorders `keys`.
pub(super) fn select<K: Copy + Default + Ord>(
    keys: &mut [K],
    positions: &[usize; RANKS],
) -> [K; RANKS] {
    let mut selected = [K::default(); RANKS];
    select_from(0, keys, positions, &mut selected);
    selected
}

/// `keys` are those from position `first` on. Selecting the middle position splits the keys, so
/// that each half of the positions is selected among fewer.
fn select_from<K: Copy + Ord>(
    first: usize,
    keys: &mut [K],
    positions: &[usize],
    selected: &mut [K],
) {
    let Some(&middle) = positions.get(positions.len() / 2) else {
        return;
    };
    let (keys_below, &mut key, keys_above) = keys.select_nth_unstable(middle - first);
    let n_below = positions.partition_point(|&position| position < middle);
    let n_up_to = positions.partition_point(|&position| position <= middle);
    selected[n_below..n_up_to].fill(key);
    let (below, above) = (&positions[..n_below], &positions[n_up_to..]);
    select_from(first, keys_below, below, &mut selected[..n_below]);
    select_from(middle + 1, keys_above, above, &mut selected[n_up_to..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f32_keys_compare_as_their_numbers_do() {
        let rising = [
            f32::MIN,
            -1.0,
            -f32::MIN_POSITIVE,
            0.0,
            1e-40,
            2.0,
            f32::MAX,
        ];
        assert!(rising.is_sorted_by_key(|&x| f32_key(x)));
        assert!(rising.iter().all(|&x| f32_of_key(f32_key(x)) == x));
    }

    #[test]
    fn f64_keys_compare_as_their_numbers_do() {
        let rising = [f64::MIN, -1.0, -1e-310, -0.0, 0.0, 5e-324, 2.0, f64::MAX];
        assert!(rising.is_sorted_by_key(|&x| f64_key(x)));
        assert!(rising.iter().all(|&x| f64_of_key(f64_key(x)) == x));
    }
}
