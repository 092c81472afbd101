use ndarray::Array2;

use super::*;

/// Columns with mean 0 and deviation 1, as a model gets them.
fn standardised(mut features: Array2<f64>) -> Array2<f64> {
    for mut column in features.columns_mut() {
        let (mean, deviation) = crate::scale::mean_and_deviation(&column.to_vec());
        column.mapv_inplace(|value| (value - mean) / deviation);
    }
    features
}

/// Two columns, one for each value of a text. They say the same.
fn complementary(values: &[bool]) -> Array2<f64> {
    let flag = |is_set| f64::from(u8::from(is_set));
    standardised(Array2::from_shape_fn((values.len(), 2), |(row, column)| {
        flag(values[row] == (column == 1))
    }))
}

/// The largest slope of the loss along a parameter, as a share of the number of rows.
fn largest_slope(
    features: &Array2<f64>,
    classes: &[u32],
    n_classes: usize,
    ridge: f64,
    model: &LogisticModel,
) -> f64 {
    let outputs = model.outputs(features.view());
    let n_features = features.ncols();
    let mut largest = 0.0_f64;
    for function in 0..outputs.ncols() {
        let mut slopes = vec![0.0; n_features + 1];
        for (row, outputs) in outputs.rows().into_iter().enumerate() {
            let residual = if n_classes == 2 {
                1.0 / (1.0 + (-outputs[0]).exp()) - f64::from(classes[row])
            } else {
                let sum: f64 = outputs.iter().map(|z| (z - outputs[function]).exp()).sum();
                1.0 / sum - f64::from(u8::from(classes[row] as usize == function))
            };
            slopes[0] += residual;
            for column in 0..n_features {
                slopes[column + 1] += residual * features[(row, column)];
            }
        }
        for column in 0..n_features {
            slopes[column + 1] += ridge * model.weights[function * n_features + column];
        }
        largest = slopes
            .iter()
            .fold(largest, |largest, slope| largest.max(slope.abs()));
    }
    largest / features.nrows() as f64
}

#[track_caller]
fn assert_minimum(features: &Array2<f64>, classes: &[u32], n_classes: usize, ridge: f64) {
    let fitted = LogisticModel::fit(features, classes, n_classes, ridge);
    let model = fitted.unwrap_or_else(|failure| {
        panic!(
            "{:?}, {n_classes} classes, ridge {ridge}: {failure}",
            features.dim()
        )
    });
    let slope = largest_slope(features, classes, n_classes, ridge, &model);
    assert!(
        slope < 1e-8,
        "{:?}, {n_classes} classes, ridge {ridge}: {slope}",
        features.dim()
    );
}

const RIDGES: [f64; 7] = [1e-12, 1e-6, 1e-3, 0.1, 1.0, 10.0, 1e6];

/// Numbers of rows, among them odd ones: sums of their residuals are not exact.
const SIZES: [usize; 8] = [4, 7, 12, 49, 90, 301, 1_000, 10_007];

#[test]
fn complementary_columns_have_a_minimum() {
    for n in SIZES {
        for shift in 0..6 {
            let values: Vec<bool> = (0..n).map(|row| (row + shift) % 7 < 3).collect();
            if values.iter().all(|value| *value == values[0]) {
                continue;
            }
            let features = complementary(&values);
            for ridge in RIDGES {
                for n_classes in [2, 3] {
                    let classes: Vec<u32> = (0..n)
                        .map(|row| ((row * 5 + row / 4 + shift) % n_classes) as u32)
                        .collect();
                    assert_minimum(&features, &classes, n_classes, ridge);
                }
            }
        }
    }
}

#[test]
fn columns_that_say_nothing_have_a_minimum() {
    for n in [4, 8, 12, 24, 60, 120, 996, 9_996] {
        for n_classes in [2, 3] {
            let per_class = 2 * n_classes;
            let n = n / per_class * per_class;
            if n == 0 {
                continue;
            }
            // Each class has the two values equally often, so that the slopes at the start are
            // rounding errors.
            for is_sorted in [false, true] {
                let class = |row: usize| {
                    (if is_sorted {
                        row * n_classes / n
                    } else {
                        row / 2 % n_classes
                    }) as u32
                };
                let classes: Vec<u32> = (0..n).map(class).collect();
                let values: Vec<bool> = (0..n).map(|row| row % 2 == 0).collect();
                for ridge in RIDGES {
                    assert_minimum(&complementary(&values), &classes, n_classes, ridge);
                }
            }
        }
    }
}

#[test]
fn equal_columns_have_a_minimum() {
    for n in SIZES {
        let column: Vec<f64> = (0..n).map(|row| (row * 7_919 % 1_009) as f64).collect();
        let features = standardised(Array2::from_shape_fn((n, 30), |(row, _)| column[row]));
        for ridge in RIDGES {
            for n_classes in [2, 3] {
                let classes: Vec<u32> = (0..n)
                    .map(|row| (row * 11 % 13 % n_classes) as u32)
                    .collect();
                assert_minimum(&features, &classes, n_classes, ridge);
            }
        }
    }
}

#[test]
fn separable_classes_have_a_minimum() {
    for n in SIZES {
        for ridge in RIDGES {
            for n_classes in [2, 3] {
                let classes: Vec<u32> = (0..n).map(|row| (row % n_classes) as u32).collect();
                let values: Vec<bool> = classes.iter().map(|class| *class > 0).collect();
                assert_minimum(&complementary(&values), &classes, n_classes, ridge);
                // A class of one row.
                let rare: Vec<u32> = (0..n)
                    .map(|row| {
                        if row == 3 {
                            n_classes as u32 - 1
                        } else {
                            (row % (n_classes - 1)) as u32
                        }
                    })
                    .collect();
                let values: Vec<bool> = (0..n).map(|row| row == 3).collect();
                assert_minimum(&complementary(&values), &rare, n_classes, ridge);
            }
        }
    }
}
