//! The check that a run can be trained on a data set's images.

use cntflow_network::Activation;

use crate::ZooError;
use crate::train::architecture_plan::{Unsupported, plan_layers};
use crate::train::layer_plan::LayerPlan;
use crate::train::layer_problem::LayerProblem;
use crate::train::objective::Objective;
use crate::train::run_spec::RunSpec;

/// The layers of `run` as they are trained on images of `n_classes`.
///
/// # Errors
/// Where the architecture is not JSON of an architecture, or one of its layers cannot be trained,
/// or the last layer does not give what the run is trained for.
pub(crate) fn plan_run(run: &RunSpec, n_classes: usize) -> Result<Vec<LayerPlan>, ZooError> {
    let architecture = run.architecture()?;
    let unsupported = |Unsupported { layer, reason }| ZooError::UnsupportedLayer {
        run: run.run.clone(),
        layer,
        reason,
    };
    let plans = plan_layers(&architecture).map_err(unsupported)?;
    let checked = match Objective::of(run.layer_type) {
        Objective::Classification => ends_in_classes(&plans, n_classes),
        Objective::Reconstruction => ends_in_images(&plans, &architecture.input),
    };
    let layer = architecture.layers.len().saturating_sub(1);
    checked.map_err(|reason| unsupported(Unsupported { layer, reason }))?;
    Ok(plans)
}

fn ends_in_classes(plans: &[LayerPlan], n_classes: usize) -> Result<(), LayerProblem> {
    match plans.last() {
        Some(LayerPlan::Dense {
            n_out,
            activation: Activation::Softmax,
            ..
        }) if *n_out == n_classes => Ok(()),
        Some(LayerPlan::Dense {
            n_out,
            activation: Activation::Softmax,
            ..
        }) => Err(LayerProblem::ClassOutputs {
            expected: n_classes,
            found: *n_out,
        }),
        _ => Err(LayerProblem::NotAClassifier),
    }
}

fn ends_in_images(plans: &[LayerPlan], input: &[usize]) -> Result<(), LayerProblem> {
    let expected = input.iter().product();
    let found = plans.last().map_or(0, LayerPlan::n_results);
    if expected == found {
        Ok(())
    } else {
        Err(LayerProblem::PixelOutputs { expected, found })
    }
}
