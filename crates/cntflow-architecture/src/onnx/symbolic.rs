//! Whole numbers that shapes are made of. The size of the batch may be open.

/// A whole number of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SymbolicInt {
    /// A number.
    Fixed(i64),
    /// So many times the size of the batch, which the graph leaves open.
    BatchMultiple(i64),
}

use SymbolicInt::{BatchMultiple, Fixed};

impl SymbolicInt {
    /// The number, if it does not depend on the batch.
    pub(super) fn fixed(self) -> Option<i64> {
        match self {
            Fixed(n) => Some(n),
            BatchMultiple(_) => None,
        }
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Fixed(a), Fixed(b)) => a.checked_mul(b).map(Fixed),
            (Fixed(a), BatchMultiple(b)) | (BatchMultiple(a), Fixed(b)) => {
                a.checked_mul(b).map(BatchMultiple)
            }
            (BatchMultiple(_), BatchMultiple(_)) => None,
        }
    }

    /// The quotient, rounded towards zero; of multiples of the batch only one without a remainder.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        let exact = |a: i64, b: i64| (a.checked_rem(b)? == 0).then(|| a.checked_div(b))?;
        match (self, other) {
            (Fixed(a), Fixed(b)) => a.checked_div(b).map(Fixed),
            (BatchMultiple(a), Fixed(b)) => exact(a, b).map(BatchMultiple),
            (BatchMultiple(a), BatchMultiple(b)) => exact(a, b).map(Fixed),
            (Fixed(_), BatchMultiple(_)) => None,
        }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Fixed(a), Fixed(b)) => a.checked_add(b).map(Fixed),
            (BatchMultiple(a), BatchMultiple(b)) => a.checked_add(b).map(BatchMultiple),
            _ => None,
        }
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Fixed(a), Fixed(b)) => a.checked_sub(b).map(Fixed),
            (BatchMultiple(a), BatchMultiple(b)) => a.checked_sub(b).map(BatchMultiple),
            _ => None,
        }
    }

    /// 1 of equal numbers, 0 of others. A batch is never negative, so that -1 in a shape differs
    /// from any.
    pub(super) fn equals(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Fixed(a), Fixed(b)) => Some(Fixed((a == b).into())),
            (BatchMultiple(n), Fixed(negative)) | (Fixed(negative), BatchMultiple(n))
                if negative < 0 && n > 0 =>
            {
                Some(Fixed(0))
            }
            _ => None,
        }
    }

    pub(super) fn modulo(self, other: Self) -> Option<Self> {
        let (a, b) = (self.fixed()?, other.fixed()?);
        a.checked_rem_euclid(b).map(Fixed)
    }
}

/// The product of several sizes.
pub(super) fn product(sizes: impl IntoIterator<Item = SymbolicInt>) -> Option<SymbolicInt> {
    sizes.into_iter().try_fold(Fixed(1), SymbolicInt::times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_batch_is_multiplied_and_divided_without_a_remainder() {
        assert_eq!(
            product([Fixed(3), BatchMultiple(2), Fixed(4)]),
            Some(BatchMultiple(24))
        );
        assert_eq!(BatchMultiple(1).times(BatchMultiple(1)), None);
        assert_eq!(BatchMultiple(6).over(Fixed(3)), Some(BatchMultiple(2)));
        assert_eq!(BatchMultiple(6).over(Fixed(4)), None);
        assert_eq!(BatchMultiple(6).over(BatchMultiple(2)), Some(Fixed(3)));
        assert_eq!(BatchMultiple(1).over(Fixed(0)), None);
        assert_eq!(BatchMultiple(1).minus(Fixed(1)), None);
        assert_eq!(Fixed(i64::MIN).over(Fixed(-1)), None);
        assert_eq!(Fixed(-1).modulo(Fixed(3)), Some(Fixed(2)));
    }
}
