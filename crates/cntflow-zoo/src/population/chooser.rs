//! How the open choices of a run are made: at random, or every combination once.
//!
//! The code that draws a run asks a [`Chooser`] and does not know which kind it is.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::population::choices::{Choices, Numbers, Scale};

/// Makes the choices of one run.
pub(super) trait Chooser {
    /// A number below `n_options`.
    fn index(&mut self, n_options: usize) -> usize;

    /// A number in `[0, 1)`.
    fn fraction(&mut self) -> f64;

    /// One of the choices.
    fn choice<T: Clone>(&mut self, choices: &Choices<T>) -> T {
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
            } => (min + self.fraction() * (max - min)).clamp(min, max),
            Numbers::Range {
                min,
                max,
                scale: Scale::Log,
            } => (min * (max / min).powf(self.fraction())).clamp(min, max),
        }
    }

    /// As [`Chooser::choice`], but a single option takes no random number: a key given one value
    /// leaves the choices after it as they are without the key.
    fn choice_unless_single<T: Clone>(&mut self, choices: &Choices<T>) -> T {
        match &*choices.0 {
            [only] => only.clone(),
            _ => self.choice(choices),
        }
    }

    /// As [`Chooser::number`], but a single number takes no random number.
    fn number_unless_single(&mut self, numbers: &Numbers) -> f64 {
        match numbers {
            Numbers::Choices(values) if values.len() == 1 => values[0],
            _ => self.number(numbers),
        }
    }

    /// One of the numbers, as a whole number. On a linear scale every whole number of a range is
    /// equally likely, both ends included.
    fn whole_number(&mut self, numbers: &Numbers) -> usize {
        match *numbers {
            Numbers::Choices(ref values) => values[self.index(values.len())] as usize,
            Numbers::Range { min, max, scale } => {
                let (low, high) = (min.ceil(), max.floor());
                // A whole number k stands for the interval [k, k + 1), which is rounded down to k.
                // Without the `+ 1.0` the largest number would have no interval and would almost
                // never be drawn.
                let intervals = Numbers::Range {
                    min: low,
                    max: high + 1.0,
                    scale,
                };
                self.number(&intervals).floor().clamp(low, high) as usize
            }
        }
    }
}

/// Chooses at random, by a seed.
pub(super) struct RandomChooser(ChaCha8Rng);

impl RandomChooser {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }
}

impl Chooser for RandomChooser {
    fn index(&mut self, n_options: usize) -> usize {
        // As u64: usize would draw other numbers on 32-bit machines.
        self.0.random_range(0..n_options as u64) as usize
    }

    fn fraction(&mut self) -> f64 {
        self.0.random()
    }
}

/// Chooses every combination once, in the order of an odometer: each call of [`Chooser::index`]
/// reads the next wheel. Wheels are added as calls come, so that a choice may decide which choices
/// follow it.
#[derive(Default)]
pub(super) struct GridChooser {
    wheels: Vec<Wheel>,
    next_wheel: usize,
}

struct Wheel {
    position: usize,
    n_options: usize,
}

impl GridChooser {
    /// Turns to the next combination; `false` after the last one.
    pub(super) fn advance(&mut self) -> bool {
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

impl Chooser for GridChooser {
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

    fn fraction(&mut self) -> f64 {
        unreachable!("ranges in a grid are refused before anything is drawn")
    }
}
