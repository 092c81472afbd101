//! Where the choices of a draw come from: at random, or every combination in turn. The code that draws a run asks one
//! of these and does not know which.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::population::choices::{Choices, Numbers, Scale};

/// Makes the choices of one run.
pub(crate) trait Choose {
    /// A number below `n_options`.
    fn index(&mut self, n_options: usize) -> usize;

    /// A number of `[0, 1)`.
    fn share(&mut self) -> f64;

    /// One of the choices.
    fn one<T: Clone>(&mut self, choices: &Choices<T>) -> T {
        choices.0[self.index(choices.0.len())].clone()
    }

    /// One of the numbers.
    fn number(&mut self, numbers: &Numbers) -> f64 {
        match *numbers {
            Numbers::Choices(ref values) => values[self.index(values.len())],
            Numbers::Range {
                min,
                max,
                scale: Scale::Linear,
            } => (min + self.share() * (max - min)).clamp(min, max),
            Numbers::Range {
                min,
                max,
                scale: Scale::Log,
            } => (min * (max / min).powf(self.share())).clamp(min, max),
        }
    }

    /// One of the whole numbers; both ends of a range are as likely as the numbers between.
    fn count(&mut self, numbers: &Numbers) -> usize {
        match *numbers {
            Numbers::Choices(ref values) => values[self.index(values.len())] as usize,
            Numbers::Range { min, max, scale } => {
                let (low, high) = (min.ceil(), max.floor());
                let wide = Numbers::Range {
                    min: low,
                    max: high + 1.0,
                    scale,
                };
                self.number(&wide).floor().clamp(low, high) as usize
            }
        }
    }
}

/// Choices at random, by a seed.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }
}

impl Choose for Random {
    fn index(&mut self, n_options: usize) -> usize {
        self.0.random_range(0..n_options as u64) as usize
    }

    fn share(&mut self) -> f64 {
        self.0.random()
    }
}

/// Every combination in turn, as an odometer: each call of [`Choose::index`] is a wheel, found anew on each walk, so
/// that a choice may decide which choices come after it.
#[derive(Default)]
pub(crate) struct Combinations {
    wheels: Vec<Wheel>,
    next_wheel: usize,
}

struct Wheel {
    position: usize,
    n_options: usize,
}

impl Combinations {
    /// Turns to the next combination; `false` after the last one.
    pub(crate) fn advance(&mut self) -> bool {
        self.next_wheel = 0;
        while let Some(wheel) = self.wheels.last_mut() {
            wheel.position += 1;
            if wheel.position < wheel.n_options {
                return true;
            }
            self.wheels.pop();
        }
        false
    }
}

impl Choose for Combinations {
    fn index(&mut self, n_options: usize) -> usize {
        if self.next_wheel == self.wheels.len() {
            self.wheels.push(Wheel {
                position: 0,
                n_options,
            });
        }
        self.next_wheel += 1;
        self.wheels[self.next_wheel - 1].position
    }

    fn share(&mut self) -> f64 {
        unreachable!("a grid with ranges is refused before it is drawn")
    }
}
