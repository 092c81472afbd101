//! Networks of every kind on images with three channels.

use cntflow_zoo::{Dataset, LayerType, PopulationSpec, RunStatus, Split, TrainingData, train};

use crate::idx_files::IdxFolder;

/// Images of 3 channels, 6 rows and 5 columns, of two classes that differ in the blue channel
/// alone.
fn blue_or_not() -> IdxFolder {
    let folder = IdxFolder::new();
    for (split, n_images) in [(Split::Train, 80), (Split::Test, 40)] {
        let labels: Vec<u8> = (0..n_images).map(|image| (image % 2) as u8).collect();
        let mut pixels = Vec::new();
        for (image, label) in labels.iter().enumerate() {
            let noise = |pixel: usize| ((image * 31 + pixel * 17) % 97) as u8;
            pixels.extend((0..60).map(noise));
            pixels.extend((60..90).map(|pixel| noise(pixel) + 120 * label));
        }
        folder.write(split, &[n_images, 3, 6, 5], &pixels, &labels);
    }
    folder
}

const ARCHITECTURES: [(LayerType, &str); 5] = [
    (LayerType::Dense, "{ dense = [8] }"),
    (
        LayerType::Convolutional,
        "{ convolutional = [{ filters = 4, kernel = 3 }], dense = [8] }",
    ),
    (LayerType::Lstm, "{ lstm = { units = 8 } }"),
    (
        LayerType::Autoencoder,
        "{ autoencoder = { hidden = [16], code = 4 } }",
    ),
    (
        LayerType::ConvolutionalAutoencoder,
        "{ convolutional_autoencoder = [{ filters = 4, kernel = 3 }] }",
    ),
];

#[test]
fn every_kind_of_network_learns_from_three_channels() {
    let folder = blue_or_not();
    let data = TrainingData::open(&folder.name()).unwrap();
    for (layer_type, architecture) in ARCHITECTURES {
        let population: PopulationSpec = toml::from_str(&format!(
            r#"
            dataset = "{}"
            checkpoints = [0]

            [[group]]
            name = "colour"
            runs = 1
            architecture = {architecture}
            activation = "tanh"
            initialisation = {{ kind = "variance_scaling", scale = 1 }}
            optimiser = "adam"
            learning_rate = 0.01
            batch_size = 8
            epochs = 20
            "#,
            folder.name()
        ))
        .unwrap();
        let runs = population.draw().unwrap();
        assert_eq!(runs[0].layer_type, layer_type);
        assert!(
            runs[0].architecture.contains("[3,6,5]"),
            "{}",
            runs[0].architecture
        );
        let place = tempfile::tempdir().unwrap();
        let trained = train(&runs[0], &data, place.path(), &|| false).unwrap();
        assert_eq!(trained.status, RunStatus::Trained);
        let [untrained, last] = &trained.checkpoints[..] else {
            panic!("two checkpoints are kept");
        };
        assert!(
            last.test.loss < untrained.test.loss,
            "{layer_type:?}: {trained:?}"
        );
        // The classes differ in the third channel alone.
        assert!(
            layer_type.is_autoencoder() || last.test.accuracy == 1.0,
            "{layer_type:?}: {trained:?}"
        );
    }
}

#[test]
fn samples_of_colour_images_have_all_channels() {
    let folder = blue_or_not();
    let train = Dataset::open(&folder.name(), Split::Train).unwrap();
    assert_eq!((train.shape(), train.image_size()), ([3, 6, 5], 90));
    assert_eq!(train.first(2).images(), train.images()[..180]);
}
