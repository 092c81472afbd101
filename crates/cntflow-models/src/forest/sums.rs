//! The three histograms: two classes, many classes, values.

use super::binned::MAX_BINS;
use super::histogram::Histogram;

/// The histogram of two classes. A number has the weight in its upper half and the weight of class
/// 1 in its lower half, so that one addition adds both.
pub(super) struct TwoClasses {
    bins: [u64; MAX_BINS],
    below: u64,
    above: u64,
}

const LOWER_HALF: u64 = 0xffff_ffff;

fn halves(sums: u64) -> (f64, f64) {
    ((sums >> 32) as f64, (sums & LOWER_HALF) as f64)
}

fn share_of_square((weight, sum): (f64, f64)) -> f64 {
    sum * sum / weight
}

/// The sum of two shares of squares, with a single division.
fn rate_pair((weight, sum): (f64, f64), (other_weight, other_sum): (f64, f64)) -> f64 {
    (sum * sum * other_weight + other_sum * other_sum * weight) / (weight * other_weight)
}

impl TwoClasses {
    pub(super) fn new() -> Self {
        Self {
            bins: [0; MAX_BINS],
            below: 0,
            above: 0,
        }
    }

    pub(super) fn item(weight: u32, class: u32) -> u64 {
        u64::from(weight) << 32 | u64::from(weight * class)
    }
}

impl Histogram for TwoClasses {
    type Item = u64;
    type Total = u64;

    fn total(&self, items: &[u64]) -> u64 {
        items.iter().sum()
    }

    fn weight(total: &u64) -> f64 {
        halves(*total).0
    }

    fn rating(total: &u64) -> f64 {
        share_of_square(halves(*total))
    }

    fn is_pure(total: &u64, _: &[u64]) -> bool {
        let high = total & LOWER_HALF;
        high == 0 || high == total >> 32
    }

    fn leaf(&self, total: &u64) -> Vec<f64> {
        let (weight, high) = halves(*total);
        vec![high / weight]
    }

    fn add(&mut self, bin: usize, item: u64) {
        self.bins[bin] += item;
    }

    fn is_empty(&self, bin: usize) -> bool {
        self.bins[bin] == 0
    }

    fn start(&mut self, total: &u64) {
        (self.below, self.above) = (0, *total);
    }

    fn advance(&mut self, bin: usize) -> (f64, f64, f64) {
        let sums = std::mem::take(&mut self.bins[bin]);
        self.below += sums;
        self.above -= sums;
        let (below, above) = (halves(self.below), halves(self.above));
        (below.0, above.0, rate_pair(below, above))
    }
}

/// The histogram of values: weight and weighted sum. Values are given relative to `centre`, their
/// mean, so that few digits cancel.
pub(super) struct Values {
    bins: Box<[(f64, f64); MAX_BINS]>,
    below: (f64, f64),
    above: (f64, f64),
    centre: f64,
}

impl Values {
    pub(super) fn new(centre: f64) -> Self {
        Self {
            bins: Box::new([(0.0, 0.0); MAX_BINS]),
            below: (0.0, 0.0),
            above: (0.0, 0.0),
            centre,
        }
    }
}

impl Histogram for Values {
    /// Weight and value.
    type Item = (f64, f64);
    type Total = (f64, f64);

    fn total(&self, items: &[(f64, f64)]) -> (f64, f64) {
        items.iter().fold((0.0, 0.0), |sums, (weight, value)| {
            (sums.0 + weight, sums.1 + weight * value)
        })
    }

    fn weight(total: &(f64, f64)) -> f64 {
        total.0
    }

    fn rating(total: &(f64, f64)) -> f64 {
        share_of_square(*total)
    }

    fn is_pure(_: &(f64, f64), items: &[(f64, f64)]) -> bool {
        items.iter().all(|item| item.1 == items[0].1)
    }

    fn leaf(&self, total: &(f64, f64)) -> Vec<f64> {
        vec![self.centre + total.1 / total.0]
    }

    fn add(&mut self, bin: usize, (weight, value): (f64, f64)) {
        self.bins[bin].0 += weight;
        self.bins[bin].1 += weight * value;
    }

    fn is_empty(&self, bin: usize) -> bool {
        self.bins[bin].0 == 0.0
    }

    fn start(&mut self, total: &(f64, f64)) {
        (self.below, self.above) = ((0.0, 0.0), *total);
    }

    fn advance(&mut self, bin: usize) -> (f64, f64, f64) {
        let sums = std::mem::take(&mut self.bins[bin]);
        self.below = (self.below.0 + sums.0, self.below.1 + sums.1);
        self.above = (self.above.0 - sums.0, self.above.1 - sums.1);
        let rating = rate_pair(self.below, self.above);
        (self.below.0, self.above.0, rating)
    }
}

/// The histogram of many classes: one weight per bin and class. Weights are whole numbers, so their
/// sums do not depend on an order.
pub(super) struct ManyClasses {
    n_classes: usize,
    bins: Vec<u64>,
    weights: [u64; MAX_BINS],
    below: SideOfClasses,
    above: SideOfClasses,
}

/// One side of a split. Sums are whole numbers, so that they may be kept up to date instead of
/// added up anew.
struct SideOfClasses {
    of_class: Vec<u64>,
    weight: u64,
    sum_of_squares: u64,
}

impl SideOfClasses {
    fn new(n_classes: usize) -> Self {
        Self {
            of_class: vec![0; n_classes],
            weight: 0,
            sum_of_squares: 0,
        }
    }

    fn add(&mut self, class: usize, weight: u64) {
        self.sum_of_squares += weight * (2 * self.of_class[class] + weight);
        self.of_class[class] += weight;
        self.weight += weight;
    }

    fn remove(&mut self, class: usize, weight: u64) {
        self.of_class[class] -= weight;
        self.sum_of_squares -= weight * (2 * self.of_class[class] + weight);
        self.weight -= weight;
    }

    fn rating(&self) -> f64 {
        self.sum_of_squares as f64 / self.weight as f64
    }
}

impl ManyClasses {
    pub(super) fn new(n_classes: usize) -> Self {
        Self {
            n_classes,
            bins: vec![0; MAX_BINS * n_classes],
            weights: [0; MAX_BINS],
            below: SideOfClasses::new(n_classes),
            above: SideOfClasses::new(n_classes),
        }
    }
}

impl Histogram for ManyClasses {
    /// Weight and class.
    type Item = (u32, u32);
    type Total = Vec<u64>;

    fn total(&self, items: &[(u32, u32)]) -> Vec<u64> {
        let mut total = vec![0; self.n_classes];
        for &(weight, class) in items {
            total[class as usize] += u64::from(weight);
        }
        total
    }

    fn weight(total: &Vec<u64>) -> f64 {
        total.iter().sum::<u64>() as f64
    }

    fn rating(total: &Vec<u64>) -> f64 {
        let squares = total.iter().map(|weight| weight * weight);
        squares.sum::<u64>() as f64 / Self::weight(total)
    }

    fn is_pure(total: &Vec<u64>, _: &[(u32, u32)]) -> bool {
        total.iter().filter(|weight| **weight > 0).count() < 2
    }

    fn leaf(&self, total: &Vec<u64>) -> Vec<f64> {
        let weight = Self::weight(total);
        total.iter().map(|&class| class as f64 / weight).collect()
    }

    fn add(&mut self, bin: usize, (weight, class): (u32, u32)) {
        self.bins[bin * self.n_classes + class as usize] += u64::from(weight);
        self.weights[bin] += u64::from(weight);
    }

    fn is_empty(&self, bin: usize) -> bool {
        self.weights[bin] == 0
    }

    fn start(&mut self, total: &Vec<u64>) {
        self.below.of_class.fill(0);
        self.above.of_class.copy_from_slice(total);
        (self.below.weight, self.below.sum_of_squares) = (0, 0);
        self.above.weight = total.iter().sum();
        self.above.sum_of_squares = total.iter().map(|weight| weight * weight).sum();
    }

    fn advance(&mut self, bin: usize) -> (f64, f64, f64) {
        let classes = &mut self.bins[bin * self.n_classes..(bin + 1) * self.n_classes];
        for (class, count) in classes.iter_mut().enumerate() {
            let weight = std::mem::take(count);
            // Most bins have rows of one class.
            if weight > 0 {
                self.below.add(class, weight);
                self.above.remove(class, weight);
            }
        }
        self.weights[bin] = 0;
        let rating = self.below.rating() + self.above.rating();
        (self.below.weight as f64, self.above.weight as f64, rating)
    }
}
