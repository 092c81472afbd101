//! Loss and accuracy of a network on a set of images.

use crate::train::model::Model;
use crate::train::objective::{EvaluationSums, Examples, Objective};
use crate::train::outcome::Evaluation;

/// Loss and accuracy of `model` on the images at `indices`.
pub(crate) fn evaluate(
    model: &Model,
    objective: Objective,
    examples: Examples<'_>,
    indices: &[usize],
) -> Evaluation {
    let mut sums = EvaluationSums::default();
    for indices in indices.chunks(model.images_per_pass()) {
        let outputs = model.evaluate(examples.data.pixels_at(indices));
        objective.add_to_sums(&mut sums, &outputs, examples, indices);
    }
    objective.evaluation(sums)
}
