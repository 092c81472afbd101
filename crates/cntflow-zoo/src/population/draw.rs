//! Drawing the runs of a population.
//!
//! The random numbers of a run follow only from the population's seed, the name of its group and
//! its number within the group. Adding runs or groups therefore does not change the other runs.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_network::{Activation, Architecture};
use sha2::{Digest, Sha256};

use crate::ZooError;
use crate::data::{Dataset, Split};
use crate::population::architecture_spec::ArchitectureSpec;
use crate::population::choices::Choices;
use crate::population::chooser::{Chooser, GridChooser, RandomChooser};
use crate::population::draw_layers::LayerDraw;
use crate::population::spec::{
    DrawMode, GroupSpec, InitialisationName, InitialisationSpec, PopulationSpec,
};
use crate::population::spec_check::check_population;
use crate::train::{Initialisation, InitialisationKind, OptimiserKind, RunSpec, plan_run};

impl PopulationSpec {
    /// All runs of the population, group by group. The same specification gives the same runs.
    ///
    /// # Errors
    /// - [`ZooError::InvalidValue`]: a value is not allowed; the message names its key.
    /// - [`ZooError::UnsupportedLayer`]: an architecture does not fit the data set's images.
    /// - Any error of [`Dataset::open`].
    pub fn draw(&self) -> Result<Vec<RunSpec>, ZooError> {
        check_population(self)?;
        let mut datasets = BTreeMap::new();
        for name in self.dataset_names() {
            let test = Dataset::open(name, Split::Test)?;
            let task = ImageTask {
                image: test.shape(),
                n_classes: test.n_classes(),
            };
            datasets.insert(name, task);
        }
        let mut runs = Vec::new();
        for group in &self.groups {
            let draw = GroupDraw {
                population: self,
                group,
                datasets: &datasets,
            };
            match group.draw {
                DrawMode::Random => draw.draw_random(&mut runs)?,
                DrawMode::Grid => draw.draw_grid(&mut runs)?,
            }
        }
        Ok(runs)
    }

    /// The data sets that some run may learn.
    fn dataset_names(&self) -> BTreeSet<&str> {
        let of_groups = self.groups.iter().map(|group| self.datasets_of(group));
        let names = of_groups.flat_map(|choices| &choices.0);
        names.map(String::as_str).collect()
    }

    fn datasets_of<'a>(&'a self, group: &'a GroupSpec) -> &'a Choices<String> {
        group.dataset.as_ref().unwrap_or(&self.dataset)
    }
}

/// What a network has to learn from a data set.
#[derive(Clone, Copy)]
struct ImageTask {
    /// Channels, rows and columns of the images.
    image: [usize; 3],
    n_classes: usize,
}

/// The draw of one group.
struct GroupDraw<'a> {
    population: &'a PopulationSpec,
    group: &'a GroupSpec,
    datasets: &'a BTreeMap<&'a str, ImageTask>,
}

impl GroupDraw<'_> {
    fn draw_random(&self, runs: &mut Vec<RunSpec>) -> Result<(), ZooError> {
        for number in 0..self.group.runs.unwrap_or(0) {
            let mut chooser = RandomChooser::new(self.seed("draw", number));
            runs.push(self.draw_run(&mut chooser, number)?);
        }
        Ok(())
    }

    fn draw_grid(&self, runs: &mut Vec<RunSpec>) -> Result<(), ZooError> {
        let mut number = 0;
        for _ in 0..self.group.runs.unwrap_or(1) {
            let mut chooser = GridChooser::default();
            loop {
                runs.push(self.draw_run(&mut chooser, number)?);
                number += 1;
                if !chooser.advance() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Draws one run. The order of the choices is part of what a seed means: another order draws
    /// other runs. This includes the order of the fields of the [`RunSpec`] below: do not sort
    /// them.
    fn draw_run(&self, chooser: &mut impl Chooser, number: u32) -> Result<RunSpec, ZooError> {
        let group = self.group;
        let dataset = self.dataset(chooser);
        let task = self.datasets[dataset];
        let spec = chooser.choice(&group.architecture);
        let activation = chooser.choice(&group.activation);
        let architecture = task.architecture(chooser, &spec, activation);
        let optimiser = chooser.choice(&group.optimiser);
        let momentum = if optimiser == OptimiserKind::Sgd {
            chooser.number(&group.momentum)
        } else {
            0.0
        };
        let epochs = chooser.whole_number(&group.epochs) as u32;
        let run = RunSpec {
            run: format!("{}-{number:05}", group.name),
            group: group.name.clone(),
            dataset: dataset.to_owned(),
            layer_type: spec.layer_type(),
            architecture: serde_json::to_string(&architecture)
                .expect("an architecture has a JSON form"),
            activation,
            initialisation: initialisation(chooser, group),
            optimiser,
            momentum,
            learning_rate: chooser.number(&group.learning_rate),
            batch_size: chooser.whole_number(&group.batch_size) as u32,
            epochs,
            checkpoints: self.checkpoints(epochs),
            training_fraction: chooser.number(&group.training_fraction),
            seed: self.training_seed(number),
            bias_initialisation: chooser.choice_unless_single(&group.bias_initialisation),
            l2: chooser.number_unless_single(&group.l2),
            dropout: chooser.number_unless_single(&group.dropout),
            label_noise: chooser.number_unless_single(&group.label_noise),
        };
        // Only a check: the plan is made again when the run is trained.
        plan_run(&run, task.n_classes)?;
        Ok(run)
    }

    /// The data set of a run. One alone is no choice: it must not change what else is drawn.
    fn dataset(&self, chooser: &mut impl Chooser) -> &str {
        match &*self.population.datasets_of(self.group).0 {
            [only] => only,
            several => &several[chooser.index(several.len())],
        }
    }

    /// The epochs after which a run of `epochs` epochs keeps a checkpoint: ascending, with the last
    /// one.
    fn checkpoints(&self, epochs: u32) -> Vec<u32> {
        let of_group = self.group.checkpoints.as_ref();
        let requested = of_group.unwrap_or(&self.population.checkpoints);
        let mut checkpoints: Vec<u32> = requested
            .iter()
            .copied()
            .filter(|&epoch| epoch < epochs)
            .chain([epochs])
            .collect();
        checkpoints.sort_unstable();
        checkpoints.dedup();
        checkpoints
    }

    /// The seed that the run of this number has for `purpose`.
    fn seed(&self, purpose: &str, number: u32) -> [u8; 32] {
        let text = format!(
            "{purpose}:{}:{}:{number}",
            self.population.seed, self.group.name
        );
        Sha256::digest(text.as_bytes()).into()
    }

    /// A seed below 2^53, so that it is the same number in JSON, in a catalog and in a notebook.
    fn training_seed(&self, number: u32) -> u64 {
        let bytes = self.seed("train", number);
        bytes[..8]
            .iter()
            .fold(0, |seed, &byte| seed << 8 | u64::from(byte))
            >> 11
    }
}

impl ImageTask {
    fn architecture(
        self,
        chooser: &mut impl Chooser,
        spec: &ArchitectureSpec,
        activation: Activation,
    ) -> Architecture {
        let layers = LayerDraw {
            image: self.image,
            n_classes: self.n_classes,
            activation,
        };
        Architecture {
            input: self.image.to_vec(),
            layers: layers.draw(chooser, spec),
        }
    }
}

fn initialisation(chooser: &mut impl Chooser, group: &GroupSpec) -> Initialisation {
    let InitialisationSpec {
        kind,
        scale,
        mode,
        distribution,
    } = chooser.choice(&group.initialisation);
    let kind = match kind {
        InitialisationName::Normal => InitialisationKind::Normal,
        InitialisationName::Uniform => InitialisationKind::Uniform,
        InitialisationName::TruncatedNormal => InitialisationKind::TruncatedNormal,
        InitialisationName::Orthogonal => InitialisationKind::Orthogonal,
        InitialisationName::VarianceScaling => InitialisationKind::VarianceScaling {
            mode: mode.map(|modes| chooser.choice(&modes)).unwrap_or_default(),
            distribution: distribution
                .map(|distributions| chooser.choice(&distributions))
                .unwrap_or_default(),
        },
    };
    Initialisation {
        kind,
        scale: chooser.number(&scale),
    }
}
