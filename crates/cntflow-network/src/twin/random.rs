//! Random numbers that depend on names alone.

use super::kind::Twin;

/// Bytes that are taken from the hash at a time.
const BUFFER_BYTES: usize = 1024;

/// The extended output of BLAKE3 over the kind of twin, the checkpoint and a name. It is the same
/// on every machine and in every order of the work.
pub(super) struct RandomStream {
    output: blake3::OutputReader,
    buffer: [u8; BUFFER_BYTES],
    used: usize,
}

impl RandomStream {
    pub(super) fn new(twin: Twin, checkpoint: &str, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in [twin.as_str(), checkpoint, name] {
            // The length keeps two texts apart from two others that join to the same.
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Self {
            output: hasher.finalize_xof(),
            buffer: [0; BUFFER_BYTES],
            used: BUFFER_BYTES,
        }
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        if self.used == BUFFER_BYTES {
            self.output.fill(&mut self.buffer);
            self.used = 0;
        }
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.buffer[self.used..][..8]);
        self.used += 8;
        u64::from_le_bytes(bytes)
    }

    /// A number in (0, 1], in steps of 2^-53.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number below `n`. The bias is below n / 2^64.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Permutes values, every order equally likely (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }
}
