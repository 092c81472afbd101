//! Random streams: each purpose has its own, so that drawing more for one never changes another.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream of this crate is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Bootstrap = 1,
    Permutation = 2,
    Noise = 3,
}

/// The stream for one purpose at the given indices (a draw; a repeat and a fold). Each can be made
/// again without those before it. A purpose is a number that its crate uses for nothing else.
pub fn random_stream(seed: u64, purpose: u64, indices: &[usize]) -> ChaCha8Rng {
    let start = mix(seed ^ mix(purpose));
    // Each index is mixed before it is combined, so that (1, 2) and (2, 1) start different streams.
    let state = indices
        .iter()
        .fold(start, |state, &index| mix(state ^ mix(index as u64)));
    ChaCha8Rng::seed_from_u64(state)
}

/// The finaliser of SplitMix64: a bijection that spreads every bit of its input
/// over all of its output.
fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
