//! Training one run: from its specification to the checkpoints it leaves.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use cntflow_storage::{make_folder, write_atomically};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::ZooError;
use crate::data::TrainingData;
use crate::train::checkpoint_file::{NamedTensor, safetensors_bytes};
use crate::train::evaluate::evaluate;
use crate::train::initial_weights::InitialWeights;
use crate::train::label_noise::training_labels;
use crate::train::metadata::metadata;
use crate::train::model::Model;
use crate::train::objective::{Examples, Objective};
use crate::train::ops::tape::{WeightGradients, Weights};
use crate::train::optimiser::Optimiser;
use crate::train::outcome::{Evaluation, KeptCheckpoint, RunStatus, TrainedRun};
use crate::train::random_streams::RandomStream;
use crate::train::regularisation::{Dropout, add_l2_gradient};
use crate::train::run_plan::plan_run;
use crate::train::run_spec::RunSpec;

/// Trains `spec` on `data` and keeps its checkpoints as `<folder>/<run>/step-<epoch>.safetensors`.
/// Files that an earlier run of that name left there are overwritten. The same `spec` and `data`
/// give the same bytes.
///
/// `should_stop` is asked before each batch. No threads are started.
///
/// # Errors
/// - [`ZooError::UnsupportedLayer`], [`ZooError::ArchitectureJson`]: the architecture does not fit
///   the data.
/// - [`ZooError::Io`]: a file cannot be written.
/// - [`ZooError::Interrupted`]: `should_stop` returned `true`.
///
/// A run that diverges is no error: see [`RunStatus::Diverged`].
pub fn train(
    spec: &RunSpec,
    data: &TrainingData,
    folder: &Path,
    should_stop: &dyn Fn() -> bool,
) -> Result<TrainedRun, ZooError> {
    let folder = folder.join(&spec.run);
    make_folder(&folder)?;
    let mut training = Training::new(spec, data, folder)?;
    let mut checkpoints = Vec::new();
    let outcome = training.train_epochs(&mut checkpoints, should_stop);
    let status = match outcome {
        Ok(()) => RunStatus::Trained,
        Err(Stop::Diverged(reason)) => RunStatus::Diverged(reason),
        Err(Stop::Failed(error)) => return Err(error),
    };
    Ok(TrainedRun {
        run: spec.run.clone(),
        status,
        checkpoints,
    })
}

/// Why training ends before its last epoch.
enum Stop {
    Diverged(String),
    Failed(ZooError),
}

/// A run in training.
struct Training<'a> {
    spec: &'a RunSpec,
    data: &'a TrainingData,
    /// Where checkpoints are written.
    folder: PathBuf,
    model: Model,
    objective: Objective,
    /// Gradients of all kernels and their biases: `gradients[layer][kernel]`. They are zero before
    /// each batch, because the optimisers clear them.
    gradients: Vec<Vec<WeightGradients>>,
    /// Two optimisers for each kernel, in the order of [`Model::weights`]: one for the kernel, one
    /// for its biases.
    optimisers: Vec<[Optimiser; 2]>,
    /// Indices of the training images used.
    indices: Vec<usize>,
    /// The class that is learnt of each training image, used or not.
    labels: Cow<'a, [usize]>,
    dropout: Option<Dropout>,
    /// Random numbers for the order of images.
    order_random: ChaCha8Rng,
}

impl<'a> Training<'a> {
    fn new(spec: &'a RunSpec, data: &'a TrainingData, folder: PathBuf) -> Result<Self, ZooError> {
        let plans = plan_run(spec, data.train().n_classes())?;
        let model = Model::new(&plans, &mut InitialWeights::new(spec));
        let optimiser = |parameters: &[f32]| {
            let (rate, momentum) = (spec.learning_rate, spec.momentum);
            Optimiser::new(spec.optimiser, rate, momentum, parameters.len())
        };
        let optimisers = model
            .weights()
            .map(|(_, weights)| [optimiser(&weights.kernel), optimiser(&weights.biases)]);
        let n_images = data.train().len() as f64 * spec.training_fraction;
        let n_images = n_images.round().max(1.0) as usize;
        let indices = data.train().balanced_indices(n_images, spec.seed);
        Ok(Self {
            spec,
            data,
            folder,
            optimisers: optimisers.collect(),
            gradients: model.zero_gradients(),
            model,
            objective: Objective::of(spec.layer_type),
            labels: training_labels(spec, data.train(), &indices),
            indices,
            dropout: Dropout::new(spec.dropout, RandomStream::Dropout.of_run(spec.seed)),
            order_random: RandomStream::Order.of_run(spec.seed),
        })
    }

    fn train_epochs(
        &mut self,
        kept: &mut Vec<KeptCheckpoint>,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<(), Stop> {
        for epoch in 0..=self.spec.epochs {
            if epoch > 0 {
                self.train_epoch(epoch, should_stop)?;
            }
            if self.spec.checkpoints.contains(&epoch) {
                kept.push(self.keep(epoch)?);
            }
        }
        Ok(())
    }

    fn train_epoch(&mut self, epoch: u32, should_stop: &dyn Fn() -> bool) -> Result<(), Stop> {
        let mut indices = self.indices.clone();
        indices.shuffle(&mut self.order_random);
        for (batch, indices) in indices.chunks(self.spec.batch_size as usize).enumerate() {
            if should_stop() {
                return Err(Stop::Failed(ZooError::Interrupted {
                    run: self.spec.run.clone(),
                    epoch,
                }));
            }
            let loss = self.train_batch(indices);
            if !loss.is_finite() {
                return Err(Stop::Diverged(format!(
                    "training loss became {} in epoch {epoch}, batch {}",
                    nan_or_infinite(loss),
                    batch + 1
                )));
            }
        }
        Ok(())
    }

    /// One step of the optimisers; returns the batch's mean loss before it.
    fn train_batch(&mut self, indices: &[usize]) -> f64 {
        let examples = Examples::new(self.data.train(), &self.labels);
        let mut batch_loss = 0.0;
        // A batch goes through the network in parts that stay in the cache; gradients add up over
        // the parts.
        for part in indices.chunks(self.model.images_per_pass()) {
            let images = examples.data.pixels_at(part);
            let tape = self.model.forward(images, self.dropout.as_mut());
            let outputs = tape.values();
            let (loss, gradient) =
                self.objective
                    .loss_and_gradient(outputs, examples, part, indices.len());
            tape.backward(gradient, &mut self.gradients);
            batch_loss += f64::from(loss);
        }
        let gradients = self.gradients.iter_mut().flatten();
        let weights = self.model.weights_mut().zip(gradients);
        for ((weights, gradients), [kernel_optimiser, biases_optimiser]) in
            weights.zip(&mut self.optimisers)
        {
            if self.spec.l2 > 0.0 {
                add_l2_gradient(weights, gradients, self.spec.l2);
            }
            kernel_optimiser.step(&mut weights.kernel, &mut gradients.kernel);
            biases_optimiser.step(&mut weights.biases, &mut gradients.biases);
        }
        batch_loss
    }

    /// Measures the network after `epoch` and writes it, unless it has diverged.
    fn keep(&self, epoch: u32) -> Result<KeptCheckpoint, Stop> {
        let tensors = self.tensors();
        let mut values = tensors.iter().flat_map(|tensor| &tensor.values);
        if let Some(&value) = values.find(|value| !value.is_finite()) {
            let what = nan_or_infinite(f64::from(value));
            return Err(Stop::Diverged(format!(
                "weights became {what} in epoch {epoch}"
            )));
        }
        let [train, test] = self.evaluations();
        for (name, Evaluation { loss, .. }) in [("training", train), ("test", test)] {
            if !loss.is_finite() {
                let what = nan_or_infinite(loss);
                let reason = format!("{name} loss was {what} after epoch {epoch}");
                return Err(Stop::Diverged(reason));
            }
        }
        let path = self.folder.join(format!("step-{epoch:05}.safetensors"));
        // A folder that was removed during the training is not made again.
        fs_err::metadata(&self.folder).map_err(|error| Stop::Failed(error.into()))?;
        let bytes = safetensors_bytes(&tensors, &metadata(self.spec, epoch, train, test));
        write_atomically::<std::io::Error>(&path, |file| file.write_all(&bytes))
            .map_err(|error| Stop::Failed(error.into()))?;
        Ok(KeptCheckpoint {
            path,
            step: epoch,
            train,
            test,
        })
    }

    /// Loss and accuracy on the training images used, then on all test images.
    fn evaluations(&self) -> [Evaluation; 2] {
        let (model, objective) = (&self.model, self.objective);
        let train = Examples::new(self.data.train(), &self.labels);
        let test = self.data.test();
        let all_test: Vec<usize> = (0..test.len()).collect();
        [
            evaluate(model, objective, train, &self.indices),
            evaluate(
                model,
                objective,
                Examples::new(test, test.labels()),
                &all_test,
            ),
        ]
    }

    fn tensors(&self) -> Vec<NamedTensor> {
        let named_tensors = self.model.weights().flat_map(|(spec, weights)| {
            let Weights { kernel, biases } = weights;
            [
                NamedTensor {
                    name: spec.kernel_name.clone(),
                    shape: spec.shape.clone(),
                    values: kernel.clone(),
                },
                NamedTensor {
                    name: spec.biases_name.clone(),
                    shape: vec![spec.n_biases],
                    values: biases.clone(),
                },
            ]
        });
        named_tensors.collect()
    }
}

/// `NaN` or `infinite`, for messages.
fn nan_or_infinite(value: f64) -> &'static str {
    if value.is_nan() { "NaN" } else { "infinite" }
}
