//! Cross-entropy and squared error.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{check_gradient, random_values};
use crate::train::ops::cross_entropy::{cross_entropy, loss_and_hits};
use crate::train::ops::squared_error::{squared_error, sum_of_squares};

#[test]
fn the_cross_entropy_and_its_gradient_are_right() {
    let (labels, batch_size) = ([3, 0, 2], 6);
    let logits = random_values(&mut ChaCha8Rng::seed_from_u64(2), 3 * 4);
    let exact = |logits: &[f32]| -> f64 {
        let rows = logits.chunks(4).zip(labels);
        rows.map(|(row, label)| {
            let sum: f64 = row.iter().map(|x| f64::from(*x).exp()).sum();
            sum.ln() - f64::from(row[label])
        })
        .sum()
    };
    let (sum, _) = loss_and_hits(&logits, &labels);
    assert!((sum - exact(&logits)).abs() < 1e-5);
    let (loss, gradient) = cross_entropy(&logits, &labels, batch_size);
    assert!((f64::from(loss) - exact(&logits) / 6.0).abs() < 1e-6);
    check_gradient("cross-entropy", &logits, &gradient, |x| exact(x) / 6.0);
}

#[test]
fn the_first_of_equal_logits_is_the_prediction() {
    assert_eq!(loss_and_hits(&[1.0, 1.0, 0.0], &[0]).1, 1);
    assert_eq!(loss_and_hits(&[1.0, 1.0, 0.0], &[1]).1, 0);
    assert_eq!(loss_and_hits(&[0.0, 1.0, f32::NAN], &[2]).1, 0);
}

#[test]
fn the_squared_error_is_a_mean_over_pixels_and_the_batch() {
    let (results, targets) = ([0.5, 1.0, 0.0, 0.25], [0.0, 1.0, 1.0, 0.25]);
    assert_eq!(sum_of_squares(&results, &targets), 1.25);
    // Two images of a batch of five, with two pixels each.
    let (loss, gradient) = squared_error(&results, &targets, 2, 5);
    assert_eq!(loss, 1.25 / 10.0);
    check_gradient("squared error", &results, &gradient, |results| {
        sum_of_squares(results, &targets) / 10.0
    });
}
