//! Wrong classes of training images.

use std::borrow::Cow;

use rand::RngExt;
use rand::seq::SliceRandom;

use crate::data::Dataset;
use crate::train::random_streams::RandomStream;
use crate::train::run_spec::RunSpec;

/// The classes that `run` learns: those of `data`, but [`RunSpec::label_noise`] of the images at
/// `indices` (rounded to a whole number) have another class, each of the others being equally
/// likely.
pub(crate) fn training_labels<'a>(
    run: &RunSpec,
    data: &'a Dataset,
    indices: &[usize],
) -> Cow<'a, [usize]> {
    let n_wrong = (run.label_noise * indices.len() as f64).round() as usize;
    // Images that all have the same class cannot have another one.
    if n_wrong == 0 || data.n_classes() < 2 {
        return Cow::Borrowed(data.labels());
    }
    let mut random = RandomStream::LabelNoise.of_run(run.seed);
    let mut indices = indices.to_vec();
    let (wrong, _) = indices.partial_shuffle(&mut random, n_wrong);
    let mut labels = data.labels().to_vec();
    for &mut index in wrong {
        // As u64: usize would draw other numbers on 32-bit machines.
        let step = random.random_range(1..data.n_classes() as u64) as usize;
        labels[index] = (labels[index] + step) % data.n_classes();
    }
    Cow::Owned(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::population::PopulationSpec;

    fn run(label_noise: f64) -> RunSpec {
        let spec: PopulationSpec = toml::from_str(
            r#"
            dataset = "mnist-6k"
            [[group]]
            name = "g"
            runs = 1
            architecture = {}
            activation = "relu"
            initialisation = { kind = "normal", scale = 1 }
            optimiser = "sgd"
            learning_rate = 1
            epochs = 1
            "#,
        )
        .unwrap();
        RunSpec {
            label_noise,
            ..spec.draw().unwrap().remove(0)
        }
    }

    #[test]
    fn the_share_of_wrong_labels_is_rounded_and_among_the_images_used() {
        let data = Dataset::open("mnist-6k", Split::Train).unwrap();
        let indices: Vec<usize> = (0..data.len()).filter(|index| index % 3 == 0).collect();
        for (noise, expected) in [(0.0, 0), (0.25, 417), (0.2501, 417), (1.0, 1667)] {
            let labels = training_labels(&run(noise), &data, &indices);
            let is_wrong = |index: &usize| labels[*index] != data.labels()[*index];
            assert_eq!(indices.iter().filter(|i| is_wrong(i)).count(), expected);
            assert_eq!((0..data.len()).filter(is_wrong).count(), expected);
            assert!(labels.iter().all(|&label| label < 10));
        }
    }

    #[test]
    fn wrong_labels_are_spread_over_all_other_classes() {
        let data = Dataset::open("mnist-6k", Split::Train).unwrap();
        let indices: Vec<usize> = (0..data.len()).collect();
        let labels = training_labels(&run(1.0), &data, &indices);
        let mut counts = [0; 10];
        for (label, right) in labels.iter().zip(data.labels()) {
            counts[(label + 10 - right) % 10] += 1;
        }
        // 5,000 images over 9 classes: 556 each, standard deviation 22.
        assert_eq!(counts[0], 0);
        assert!(
            counts[1..].iter().all(|n| (460..650).contains(n)),
            "{counts:?}"
        );
    }
}
