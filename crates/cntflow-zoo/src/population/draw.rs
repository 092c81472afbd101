//! Drawing the runs of a population. A run depends on the population's seed, its group's name and its number alone:
//! more runs, or another group, leave those there were as they are.

use cntflow_network::{Activation, Architecture};
use sha2::{Digest, Sha256};

use crate::ZooError;
use crate::data::{Dataset, Split};
use crate::population::chooser::{Choose, Combinations, Random};
use crate::population::draw_layers::LayersOf;
use crate::population::spec::{
    DrawMode, GroupSpec, InitialisationName, InitialisationSpec, PopulationSpec,
};
use crate::population::spec_check::check_population;
use crate::train::architecture_plan::check_architecture;
use crate::train::initialisation::{Initialisation, InitialisationKind};
use crate::train::optimiser::OptimiserKind;
use crate::train::run_spec::{LayerType, RunSpec};

impl PopulationSpec {
    /// All runs of the population, group by group. The same specification gives the same runs.
    ///
    /// # Errors
    /// Where a value is not allowed (the message names its key), the data set cannot be opened, or an architecture does
    /// not fit the data set's images.
    pub fn draw(&self) -> Result<Vec<RunSpec>, ZooError> {
        check_population(self)?;
        let test = Dataset::open(&self.dataset, Split::Test)?;
        let mut runs = Vec::new();
        for group in &self.groups {
            let drawing = Drawing {
                population: self,
                group,
                input: test.shape(),
                n_classes: test.n_classes(),
            };
            match group.draw {
                DrawMode::Random => drawing.random(&mut runs)?,
                DrawMode::Grid => drawing.grid(&mut runs)?,
            }
        }
        Ok(runs)
    }
}

/// One group being drawn.
struct Drawing<'a> {
    population: &'a PopulationSpec,
    group: &'a GroupSpec,
    input: [usize; 3],
    n_classes: usize,
}

impl Drawing<'_> {
    fn random(&self, runs: &mut Vec<RunSpec>) -> Result<(), ZooError> {
        for number in 0..self.group.runs.unwrap_or(0) {
            let mut random = Random::new(self.seed_of("draw", number));
            runs.push(self.run(&mut random, number)?);
        }
        Ok(())
    }

    fn grid(&self, runs: &mut Vec<RunSpec>) -> Result<(), ZooError> {
        let mut number = 0;
        for _ in 0..self.group.runs.unwrap_or(1) {
            let mut combinations = Combinations::default();
            loop {
                runs.push(self.run(&mut combinations, number)?);
                number += 1;
                if !combinations.advance() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn run(&self, choose: &mut impl Choose, number: u32) -> Result<RunSpec, ZooError> {
        let group = self.group;
        let (layer_type, architecture) = self.architecture(choose);
        let optimiser = choose.one(&group.optimiser);
        let momentum = if optimiser == OptimiserKind::Sgd {
            choose.number(&group.momentum)
        } else {
            0.0
        };
        let epochs = choose.count(&group.epochs) as u32;
        let activation = architecture.1;
        let run = RunSpec {
            run: format!("{}-{number:05}", group.name),
            group: group.name.clone(),
            dataset: self.population.dataset.clone(),
            layer_type,
            architecture: serde_json::to_string(&architecture.0)
                .expect("an architecture has a JSON form"),
            activation,
            initialisation: initialisation(choose, group),
            optimiser,
            momentum,
            learning_rate: choose.number(&group.learning_rate),
            batch_size: choose.count(&group.batch_size) as u32,
            epochs,
            checkpoints: self.checkpoints(epochs),
            training_fraction: choose.number(&group.training_fraction),
            seed: self.training_seed(number),
        };
        check_architecture(&run, self.n_classes)?;
        Ok(run)
    }

    fn architecture(&self, choose: &mut impl Choose) -> (LayerType, (Architecture, Activation)) {
        let spec = choose.one(&self.group.architecture);
        let activation = choose.one(&self.group.activation);
        let layers = LayersOf {
            image: self.input,
            n_classes: self.n_classes,
            activation,
        };
        let architecture = Architecture {
            input: self.input.to_vec(),
            layers: layers.draw(choose, &spec),
        };
        (spec.layer_type(), (architecture, activation))
    }

    /// The epochs at which a run of so many epochs keeps a checkpoint: ascending, the last one included.
    fn checkpoints(&self, epochs: u32) -> Vec<u32> {
        let chosen = self
            .group
            .checkpoints
            .as_ref()
            .unwrap_or(&self.population.checkpoints);
        let mut kept: Vec<u32> = chosen
            .iter()
            .copied()
            .filter(|&epoch| epoch < epochs)
            .chain([epochs])
            .collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    fn seed_of(&self, purpose: &str, number: u32) -> [u8; 32] {
        let text = format!(
            "{purpose}:{}:{}:{number}",
            self.population.seed, self.group.name
        );
        Sha256::digest(text.as_bytes()).into()
    }

    /// A seed below 2^53, so that it is the same number in JSON, in a catalog and in a notebook.
    fn training_seed(&self, number: u32) -> u64 {
        let bytes = self.seed_of("train", number);
        bytes[..8]
            .iter()
            .fold(0, |seed, &byte| seed << 8 | u64::from(byte))
            >> 11
    }
}

fn initialisation(choose: &mut impl Choose, group: &GroupSpec) -> Initialisation {
    let InitialisationSpec {
        kind,
        scale,
        mode,
        distribution,
    } = choose.one(&group.initialisation);
    let kind = match kind {
        InitialisationName::Normal => InitialisationKind::Normal,
        InitialisationName::Uniform => InitialisationKind::Uniform,
        InitialisationName::TruncatedNormal => InitialisationKind::TruncatedNormal,
        InitialisationName::VarianceScaling => InitialisationKind::VarianceScaling {
            mode: mode.map(|modes| choose.one(&modes)).unwrap_or_default(),
            distribution: distribution
                .map(|shapes| choose.one(&shapes))
                .unwrap_or_default(),
        },
    };
    Initialisation {
        kind,
        scale: choose.number(&scale),
    }
}
