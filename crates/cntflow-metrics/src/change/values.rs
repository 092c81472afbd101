//! The change of a tensor: norms of the difference, and what of it is largest.

/// Values whose sums are taken together before they are added to the others: long sums lose digits.
const BLOCK: usize = 4096;

/// How the values b of a tensor differ from the values a of another one, entry by entry.
///
/// All but the counts are over the pairs of which both values are finite. Sums are in f64.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ValuesChange {
    /// Number of pairs.
    pub count: u64,
    /// Pairs whose bits differ. So 0 and -0 do, and two NaN with the same bits do not.
    pub changed: u64,
    /// Pairs of two finite values.
    pub finite: u64,
    /// Number of NaN in a, and in b.
    pub nan: [u64; 2],
    /// Number of infinities in a, and in b.
    pub infinite: [u64; 2],
    /// Largest `|b - a|`; 0 without a finite pair.
    pub largest: f64,
    /// Index of the first pair with the largest `|b - a|`; `None` if no finite pair differs.
    pub largest_at: Option<usize>,
    sums: Sums,
}

/// Sums over the pairs of finite values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    /// `sum a^2` and `sum b^2`
    squares: [f64; 2],
    /// `sum a b`
    products: f64,
    /// `sum (b - a)^2`
    differences: f64,
}

impl ValuesChange {
    /// The change from `a` to `b`, which are equally long; what is longer is left out.
    ///
    /// ```
    /// use cntflow_metrics::ValuesChange;
    ///
    /// let change = ValuesChange::between(&[3.0, 0.0, 4.0, 1.0], &[3.0, 5.0, 4.0, f32::NAN]);
    /// assert_eq!((change.count, change.changed, change.finite), (4, 2, 3));
    /// assert_eq!((change.l2_difference(), change.relative()), (5.0, 1.0));
    /// assert_eq!((change.largest, change.largest_at, change.nan), (5.0, Some(1), [0, 1]));
    /// ```
    pub fn between(a: &[f32], b: &[f32]) -> Self {
        let mut change = Self {
            count: a.len().min(b.len()) as u64,
            ..Self::default()
        };
        let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK));
        for (index, (a, b)) in blocks.enumerate() {
            change.add_block(index * BLOCK, a, b);
        }
        change
    }

    fn add_block(&mut self, first: usize, a: &[f32], b: &[f32]) {
        let mut sums = Sums::default();
        for (index, (&a, &b)) in a.iter().zip(b).enumerate() {
            self.changed += u64::from(a.to_bits() != b.to_bits());
            let (x, y) = (f64::from(a), f64::from(b));
            if !(a.is_finite() && b.is_finite()) {
                self.count_not_finite([a, b]);
                continue;
            }
            self.finite += 1;
            let difference = y - x;
            sums.squares[0] += x * x;
            sums.squares[1] += y * y;
            sums.products += x * y;
            sums.differences += difference * difference;
            if difference.abs() > self.largest {
                self.largest = difference.abs();
                self.largest_at = Some(first + index);
            }
        }
        self.sums.add(&sums);
    }

    fn count_not_finite(&mut self, pair: [f32; 2]) {
        for (side, value) in pair.into_iter().enumerate() {
            self.nan[side] += u64::from(value.is_nan());
            self.infinite[side] += u64::from(value.is_infinite());
        }
    }

    /// The change of both tensors together. An index is that of the tensor it was found in, so the
    /// sum has none.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let both = |a: [u64; 2], b: [u64; 2]| [a[0] + b[0], a[1] + b[1]];
        let mut sums = self.sums;
        sums.add(&other.sums);
        Self {
            count: self.count + other.count,
            changed: self.changed + other.changed,
            finite: self.finite + other.finite,
            nan: both(self.nan, other.nan),
            infinite: both(self.infinite, other.infinite),
            largest: self.largest.max(other.largest),
            largest_at: None,
            sums,
        }
    }

    /// L2 norm of a, and of b.
    pub fn l2(&self) -> [f64; 2] {
        self.sums.squares.map(f64::sqrt)
    }

    /// `||b - a||`, the L2 norm of the difference.
    pub fn l2_difference(&self) -> f64 {
        self.sums.differences.sqrt()
    }

    /// `||b - a|| / ||a||`; infinite where only a is 0, NaN where both are.
    pub fn relative(&self) -> f64 {
        self.l2_difference() / self.l2()[0]
    }

    /// The cosine of the angle between a and b; NaN where one of them is 0.
    pub fn cosine(&self) -> f64 {
        let [a, b] = self.l2();
        (self.sums.products / (a * b)).clamp(-1.0, 1.0)
    }

    /// Share of the pairs whose bits differ; NaN without a pair.
    pub fn changed_share(&self) -> f64 {
        self.changed as f64 / self.count as f64
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        for side in 0..2 {
            self.squares[side] += other.squares[side];
        }
        self.products += other.products;
        self.differences += other.differences;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values without a pattern, between -1 and 1.
    fn values(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let next = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(next).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs()
    }

    #[test]
    fn the_numbers_are_those_of_a_plain_loop() {
        for n in [1, 7, BLOCK, 3 * BLOCK + 5] {
            let (a, b) = (values(n, 1), values(n, 2));
            let change = ValuesChange::between(&a, &b);
            let sum = |term: fn(f64, f64) -> f64| -> f64 {
                let pairs = a.iter().zip(&b);
                pairs.map(|(&x, &y)| term(x.into(), y.into())).sum()
            };
            let [of_a, of_b] = [sum(|x, _| x * x), sum(|_, y| y * y)].map(f64::sqrt);
            let difference = sum(|x, y| (y - x) * (y - x)).sqrt();
            assert!(close(change.l2()[0], of_a) && close(change.l2()[1], of_b));
            assert!(close(change.l2_difference(), difference));
            assert!(close(change.relative(), difference / of_a));
            assert!(close(change.cosine(), sum(|x, y| x * y) / (of_a * of_b)));
            let at = change.largest_at.unwrap();
            let distance = |i: usize| (f64::from(b[i]) - f64::from(a[i])).abs();
            assert_eq!(change.largest, distance(at));
            assert!((0..n).all(|i| distance(i) <= change.largest));
            assert_eq!((change.changed, change.finite), (n as u64, n as u64));
        }
    }

    #[test]
    fn what_is_not_finite_is_counted_and_in_no_other_number() {
        let nan = f32::NAN;
        let a = [1.0, nan, f32::INFINITY, 2.0, nan];
        let b = [1.0, 5.0, f32::INFINITY, f32::NEG_INFINITY, nan];
        let change = ValuesChange::between(&a, &b);
        assert_eq!((change.count, change.finite, change.changed), (5, 1, 2));
        assert_eq!((change.nan, change.infinite), ([2, 1], [1, 2]));
        assert_eq!((change.relative(), change.cosine()), (0.0, 1.0));
        assert_eq!(change.largest_at, None);
        let none = ValuesChange::between(&[nan], &[1.0]);
        assert!(none.relative().is_nan() && none.cosine().is_nan());
    }

    #[test]
    fn equal_bits_are_the_same_and_a_sign_of_zero_is_a_change() {
        let a = values(100, 3);
        let change = ValuesChange::between(&a, &a);
        assert_eq!((change.changed, change.l2_difference()), (0, 0.0));
        assert_eq!(ValuesChange::between(&[0.0], &[-0.0]).changed, 1);
        let from_zero = ValuesChange::between(&[0.0], &[1.0]);
        assert_eq!(from_zero.relative(), f64::INFINITY);
    }

    #[test]
    fn two_tensors_together_are_one_of_both() {
        let (a, b) = (values(900, 4), values(900, 5));
        let halves = ValuesChange::between(&a[..400], &b[..400])
            .with(&ValuesChange::between(&a[400..], &b[400..]));
        let whole = ValuesChange::between(&a, &b);
        assert!(close(halves.relative(), whole.relative()));
        assert!(close(halves.cosine(), whole.cosine()));
        assert_eq!(halves.largest, whole.largest);
        assert_eq!((halves.count, halves.changed), (900, whole.changed));
    }
}
