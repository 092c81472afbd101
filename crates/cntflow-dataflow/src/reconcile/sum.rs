//! A number of values and their sum, as the difference of a collection.

use differential_dataflow::difference::{Abelian, IsZero, Monoid, Multiply, Semigroup};
use serde::{Deserialize, Serialize};

/// A number of values and their sum. Taking a value out subtracts it exactly.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub(super) struct Sum {
    pub(super) n: i64,
    pub(super) sum: i128,
}

impl IsZero for Sum {
    fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl Semigroup for Sum {
    fn plus_equals(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
    }
}

impl Monoid for Sum {
    fn zero() -> Self {
        Self::default()
    }
}

impl Abelian for Sum {
    fn negate(&mut self) {
        self.n = -self.n;
        self.sum = -self.sum;
    }
}

impl Multiply<isize> for Sum {
    type Output = Self;

    fn multiply(self, times: &isize) -> Self {
        Self {
            n: self.n * *times as i64,
            sum: self.sum * *times as i128,
        }
    }
}
