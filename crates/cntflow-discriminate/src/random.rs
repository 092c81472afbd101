//! Seeds: every use of chance has its own stream, named by numbers, so that no use shifts another.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    Split = 1,
    Fit = 2,
    Bootstrap = 3,
    Permutation = 4,
}

/// The stream of one use at one place (repeat, fold, ...).
pub(crate) fn stream(seed: u64, purpose: Use, place: &[usize]) -> ChaCha8Rng {
    let start = mix(seed ^ mix(purpose as u64));
    ChaCha8Rng::seed_from_u64(
        place
            .iter()
            .fold(start, |state, &number| mix(state ^ mix(number as u64))),
    )
}

/// The finaliser of SplitMix64: a bijection that spreads every bit of its input over all of its output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
