//! Whole numbers that shapes are made of; the number of inputs at a time may be open.

/// A whole number of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Known(i64),
    /// So many times the number of inputs at a time, which the graph leaves open.
    Inputs(i64),
}

use Number::{Inputs, Known};

impl Number {
    pub(super) fn known(self) -> Option<i64> {
        match self {
            Known(n) => Some(n),
            Inputs(_) => None,
        }
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Known(a), Known(b)) => a.checked_mul(b).map(Known),
            (Known(a), Inputs(b)) | (Inputs(a), Known(b)) => a.checked_mul(b).map(Inputs),
            (Inputs(_), Inputs(_)) => None,
        }
    }

    /// The quotient as whole numbers have it; of inputs only one without a rest.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        let exact = |a: i64, b: i64| (a.checked_rem(b)? == 0).then(|| a.checked_div(b))?;
        match (self, other) {
            (Known(a), Known(b)) => a.checked_div(b).map(Known),
            (Inputs(a), Known(b)) => exact(a, b).map(Inputs),
            (Inputs(a), Inputs(b)) => exact(a, b).map(Known),
            (Known(_), Inputs(_)) => None,
        }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Known(a), Known(b)) => a.checked_add(b).map(Known),
            (Inputs(a), Inputs(b)) => a.checked_add(b).map(Inputs),
            _ => None,
        }
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Known(a), Known(b)) => a.checked_sub(b).map(Known),
            (Inputs(a), Inputs(b)) => a.checked_sub(b).map(Inputs),
            _ => None,
        }
    }

    /// 1 of the same numbers, 0 of others; a number of inputs is none below 0.
    pub(super) fn equals(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Known(a), Known(b)) => Some(Known((a == b).into())),
            (Inputs(n), Known(below)) | (Known(below), Inputs(n)) if below < 0 && n > 0 => {
                Some(Known(0))
            }
            _ => None,
        }
    }

    pub(super) fn modulo(self, other: Self) -> Option<Self> {
        let (a, b) = (self.known()?, other.known()?);
        a.checked_rem_euclid(b).map(Known)
    }
}

/// The product of several sizes.
pub(super) fn product(sizes: impl IntoIterator<Item = Number>) -> Option<Number> {
    sizes.into_iter().try_fold(Known(1), Number::times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_number_of_inputs_is_multiplied_and_divided_without_a_rest() {
        assert_eq!(product([Known(3), Inputs(2), Known(4)]), Some(Inputs(24)));
        assert_eq!(Inputs(1).times(Inputs(1)), None);
        assert_eq!(Inputs(6).over(Known(3)), Some(Inputs(2)));
        assert_eq!(Inputs(6).over(Known(4)), None);
        assert_eq!(Inputs(6).over(Inputs(2)), Some(Known(3)));
        assert_eq!(Inputs(1).over(Known(0)), None);
        assert_eq!(Inputs(1).minus(Known(1)), None);
        assert_eq!(Known(i64::MIN).over(Known(-1)), None);
        assert_eq!(Known(-1).modulo(Known(3)), Some(Known(2)));
    }
}
