//! Training starts no threads. Alone in its binary, for it counts those of the process.

use cntflow_zoo::{Dataset, PopulationSpec, Split, TrainingData, train};

/// A layer of 46,080 values for one image, and a kernel of 784,000 weights: more than what the tensor library
/// works on alone, were it given a batch of them.
const POPULATION: &str = "
    dataset = \"mnist-6k\"
    [[group]]
    name = \"wide\"
    draw = \"grid\"
    architecture = [{ convolutional = [{ filters = 80, kernel = 5 }], dense = [2] }, { dense = [1000, 100] }]
    activation = \"relu\"
    initialisation = { kind = \"normal\", scale = 0.01 }
    optimiser = \"adam\"
    learning_rate = 1e-3
    batch_size = 20
    epochs = 1
    [[group]]
    name = \"wide-others\"
    draw = \"grid\"
    architecture = [
        { lstm = { units = 300, layers = 2 } }, { autoencoder = { hidden = [1000], code = 100 } },
        { convolutional_autoencoder = [{ filters = 80, kernel = 5 }, { filters = 4, kernel = 3, stride = 2 }] },
    ]
    activation = \"tanh\"
    initialisation = { kind = \"normal\", scale = 0.01 }
    optimiser = \"adam\"
    learning_rate = 1e-3
    batch_size = 20
    epochs = 1";

#[test]
#[cfg(target_os = "linux")]
fn training_starts_no_threads() {
    let train_images = Dataset::open("mnist-6k", Split::Train).unwrap().sample(40);
    let data = TrainingData::new(
        train_images,
        Dataset::open("mnist-6k", Split::Test).unwrap().sample(20),
    );
    let folder = tempfile::tempdir().unwrap();
    let threads = || fs_err::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    for run in toml::from_str::<PopulationSpec>(POPULATION)
        .unwrap()
        .draw()
        .unwrap()
    {
        train(&run, &data, folder.path(), &|| false).unwrap();
        assert_eq!(threads(), before, "{}", run.run);
    }
}
