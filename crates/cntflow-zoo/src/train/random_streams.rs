//! Streams of a run's random numbers: drawing more numbers for one purpose leaves those for the
//! others as they are.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a run's random numbers are drawn for; the number is that of the generator's stream.
///
/// The choice of training images ([`Dataset::balanced_indices`](crate::Dataset)) starts a generator
/// of its own at stream 0, so it sees the same numbers as the kernels. This cannot change: another
/// stream would draw other images for a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RandomStream {
    /// Initial kernels.
    Kernels = 0,
    /// The order of the training images.
    Order = 1,
    /// Initial biases, unless they are zero.
    Biases = 2,
    /// The values that dropout sets to zero.
    Dropout = 3,
    /// Which training images get another class, and which class.
    LabelNoise = 4,
}

impl RandomStream {
    /// The generator of this stream for the run of seed `seed`.
    pub(crate) fn of_run(self, seed: u64) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(self as u64);
        random
    }
}
