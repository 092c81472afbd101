//! Training one run: from its specification to the checkpoints it leaves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use cntflow_storage::write_atomically;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::ZooError;
use crate::checkpoint_file::{NamedTensor, safetensors_bytes};
use crate::model::{Model, Weights};
use crate::objective::Objective;
use crate::ops::cpu_values;
use crate::optimiser::Optimiser;
use crate::plan::check_architecture;
use crate::run::RunSpec;
use crate::train_evaluate::{Evaluation, batch, evaluate};
use crate::trained::{KeptCheckpoint, RunStatus, TrainedRun, TrainingData};

/// The value of `format` in the metadata of our checkpoints.
const FORMAT: &str = "cntflow";

/// Streams of a run's random numbers: one purpose does not shift another's.
const WEIGHTS_STREAM: u64 = 0;
const ORDER_STREAM: u64 = 1;

/// Trains `spec` on `data` and keeps its checkpoints as `<folder>/<run>/step-<epoch>.safetensors`. What an earlier run
/// of that name left there is overwritten. The same `spec` and `data` give the same bytes.
///
/// `should_stop` is asked before each batch.
///
/// # Errors
/// Where the architecture does not fit the data, a file cannot be written, or `should_stop` says so. A run that
/// diverges is no error but a [`RunStatus`].
pub fn train(
    spec: &RunSpec,
    data: &TrainingData,
    folder: &Path,
    should_stop: &dyn Fn() -> bool,
) -> Result<TrainedRun, ZooError> {
    let folder = folder.join(&spec.run);
    fs_err::create_dir_all(&folder)?;
    let mut training = Training::new(spec, data, folder)?;
    let mut checkpoints = Vec::new();
    let outcome = training.run(&mut checkpoints, should_stop);
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
    folder: PathBuf,
    model: Model,
    objective: Objective,
    /// Of each kernel, and of its biases.
    optimisers: Vec<[Optimiser; 2]>,
    /// The training images used.
    indices: Vec<usize>,
    order: ChaCha8Rng,
}

impl<'a> Training<'a> {
    fn new(spec: &'a RunSpec, data: &'a TrainingData, folder: PathBuf) -> Result<Self, ZooError> {
        let steps = check_architecture(spec, data.train().n_classes())?;
        let mut weights = ChaCha8Rng::seed_from_u64(spec.seed);
        weights.set_stream(WEIGHTS_STREAM);
        let mut order = ChaCha8Rng::seed_from_u64(spec.seed);
        order.set_stream(ORDER_STREAM);
        let model = Model::new(steps, spec.initialisation, &mut weights)
            .map_err(|source| tensor(spec, source))?;
        let optimiser = || Optimiser::new(spec.optimiser, spec.learning_rate, spec.momentum);
        let optimisers = model
            .weights()
            .map(|_| [optimiser(), optimiser()])
            .collect();
        let n_images = (data.train().len() as f64 * spec.training_fraction)
            .round()
            .max(1.0) as usize;
        let indices = data.train().balanced_indices(n_images, spec.seed);
        Ok(Self {
            spec,
            data,
            folder,
            model,
            objective: Objective::of(spec),
            optimisers,
            indices,
            order,
        })
    }

    fn run(
        &mut self,
        kept: &mut Vec<KeptCheckpoint>,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<(), Stop> {
        for epoch in 0..=self.spec.epochs {
            if epoch > 0 {
                self.epoch(epoch, should_stop)?;
            }
            if self.spec.checkpoints.contains(&epoch) {
                kept.push(self.keep(epoch)?);
            }
        }
        Ok(())
    }

    fn epoch(&mut self, epoch: u32, should_stop: &dyn Fn() -> bool) -> Result<(), Stop> {
        let mut indices = self.indices.clone();
        indices.shuffle(&mut self.order);
        for (batch, indices) in indices.chunks(self.spec.batch_size as usize).enumerate() {
            if should_stop() {
                return Err(Stop::Failed(ZooError::Interrupted {
                    run: self.spec.run.clone(),
                    epoch,
                }));
            }
            let loss = self
                .batch(indices)
                .map_err(|source| Stop::Failed(tensor(self.spec, source)))?;
            if !loss.is_finite() {
                let reason = format!(
                    "training loss became {} in epoch {epoch}, batch {}",
                    word(loss),
                    batch + 1
                );
                return Err(Stop::Diverged(reason));
            }
        }
        Ok(())
    }

    /// One step of the optimiser; the loss before it.
    fn batch(&self, indices: &[usize]) -> candle_core::Result<f64> {
        let mut batch_loss = 0.0;
        for part in indices.chunks(self.model.images_per_pass()) {
            let data = self.data.train();
            let outputs = self.model.forward(batch(data, part)?)?;
            let loss = self.objective.loss(&outputs, data, part, indices.len())?;
            loss.backward()?;
            batch_loss += f64::from(values_of(&loss)?[0]);
        }
        for (weights, [of_kernel, of_biases]) in self.model.weights().zip(&self.optimisers) {
            let mut gradients = weights.gradients.lock().expect("no pass panics");
            of_kernel.step(&weights.kernel, &mut gradients.kernel)?;
            of_biases.step(&weights.biases, &mut gradients.biases)?;
        }
        Ok(batch_loss)
    }

    fn keep(&self, epoch: u32) -> Result<KeptCheckpoint, Stop> {
        let tensors = self
            .tensors()
            .map_err(|source| Stop::Failed(tensor(self.spec, source)))?;
        let values = tensors.iter().flat_map(|tensor| &tensor.values);
        if let Some(&value) = values.into_iter().find(|value| !value.is_finite()) {
            let reason = format!("weights became {} in epoch {epoch}", word(f64::from(value)));
            return Err(Stop::Diverged(reason));
        }
        let [train, test] = self
            .evaluations()
            .map_err(|source| Stop::Failed(tensor(self.spec, source)))?;
        for (name, Evaluation { loss, .. }) in [("training", train), ("test", test)] {
            if !loss.is_finite() {
                return Err(Stop::Diverged(format!(
                    "{name} loss was {} after epoch {epoch}",
                    word(loss)
                )));
            }
        }
        let path = self.folder.join(format!("step-{epoch:05}.safetensors"));
        let bytes = safetensors_bytes(&tensors, &self.metadata(epoch, train, test));
        write_atomically::<std::io::Error>(&path, |file| file.write_all(&bytes))
            .map_err(|error| Stop::Failed(error.into()))?;
        Ok(KeptCheckpoint {
            path,
            step: epoch,
            train,
            test,
        })
    }

    fn evaluations(&self) -> candle_core::Result<[Evaluation; 2]> {
        let all_test: Vec<usize> = (0..self.data.test().len()).collect();
        let train = evaluate(
            &self.model,
            self.objective,
            self.data.train(),
            &self.indices,
        )?;
        let test = evaluate(&self.model, self.objective, self.data.test(), &all_test)?;
        Ok([train, test])
    }

    fn tensors(&self) -> candle_core::Result<Vec<NamedTensor>> {
        let named = |name: String, values: &Tensor| {
            let shape = values.dims().to_vec();
            Ok(NamedTensor {
                name,
                shape,
                values: values_of(values)?,
            })
        };
        let both = |Weights {
                        spec,
                        kernel,
                        biases,
                        ..
                    }: &Weights| {
            [
                named(spec.kernel.clone(), kernel),
                named(spec.biases.clone(), biases),
            ]
        };
        self.model.weights().flat_map(both).collect()
    }

    fn metadata(
        &self,
        epoch: u32,
        train: Evaluation,
        test: Evaluation,
    ) -> BTreeMap<String, String> {
        let labels = self
            .spec
            .labels()
            .into_iter()
            .map(|(key, label)| (key, label.to_string()));
        let own = [
            ("format", FORMAT.to_owned()),
            ("run", self.spec.run.clone()),
            ("step", epoch.to_string()),
            ("architecture", self.spec.architecture.clone()),
        ];
        // What there is none of, an autoencoder's accuracy, has no key.
        let figures = [
            ("train_loss", train.loss),
            ("train_accuracy", train.accuracy),
            ("test_loss", test.loss),
            ("test_accuracy", test.accuracy),
        ];
        let figures = figures.into_iter().filter(|(_, figure)| !figure.is_nan());
        let figures = figures.map(|(key, figure)| (key, figure.to_string()));
        labels
            .chain(own)
            .chain(figures)
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}

fn values_of(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    let (storage, layout) = tensor.storage_and_layout();
    Ok(cpu_values(&storage, layout)?.to_vec())
}

fn tensor(spec: &RunSpec, source: candle_core::Error) -> ZooError {
    ZooError::Tensor {
        run: spec.run.clone(),
        source,
    }
}

/// `NaN` or `infinite`, for messages.
fn word(value: f64) -> &'static str {
    if value.is_nan() { "NaN" } else { "infinite" }
}
