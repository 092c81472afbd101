//! Data sets by name and from a folder.

use cntflow_zoo::{Dataset, DatasetCache, Split, datasets, verify};

use crate::idx_files::{IdxFolder, colour_folder, idx};

fn per_class(dataset: &Dataset) -> Vec<usize> {
    let count = |class| {
        dataset
            .labels()
            .iter()
            .filter(|&&label| label == class)
            .count()
    };
    (0..dataset.n_classes()).map(count).collect()
}

#[test]
fn built_in_data_sets_are_as_they_are_listed() {
    for info in datasets() {
        let train = Dataset::open(info.name, Split::Train).unwrap();
        let test = Dataset::open(info.name, Split::Test).unwrap();
        assert_eq!(
            [train.len(), test.len(), test.n_classes()],
            [info.n_train, info.n_test, info.n_classes]
        );
        assert_eq!(train.shape(), info.shape);
        assert!(
            train
                .images()
                .iter()
                .all(|pixel| (0.0..=1.0).contains(pixel))
        );
        assert!(train.images().contains(&1.0));
        assert_eq!(
            (per_class(&train), per_class(&test)),
            (vec![500; 10], vec![100; 10])
        );
        assert_ne!(train.digest(), test.digest());
        assert_eq!(verify(info.name, &DatasetCache::at("nowhere")).unwrap(), 4);
        assert!(info.bytes < 3_000_000);
    }
}

#[test]
fn samples_are_balanced_and_always_the_same() {
    let test = Dataset::open("mnist-6k", Split::Test).unwrap();
    let sample = test.sample(205);
    assert_eq!(sample, test.sample(205));
    assert!(
        per_class(&sample)
            .iter()
            .all(|&count| count == 20 || count == 21)
    );
    assert_ne!(sample.digest(), test.first(205).digest());
    assert_eq!(test.first(3).images(), test.images()[..3 * 784]);
    assert_eq!(test.sample(9999).labels(), test.labels());
}

#[test]
fn a_folder_of_idx_files_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    let write = |file: &str, bytes: &[u8]| fs_err::write(folder.path().join(file), bytes).unwrap();
    write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 3, 1]);
    let error = Dataset::open(name, Split::Train).unwrap_err().to_string();
    assert!(
        error.contains("no file `train-images-idx3-ubyte` or `train-images-idx3-ubyte.gz`"),
        "{error}"
    );
    write(
        "train-images-idx3-ubyte",
        &[
            0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 0,
        ],
    );
    let train = Dataset::open(name, Split::Train).unwrap();
    assert_eq!(
        (train.shape(), train.n_classes(), train.labels()),
        ([1, 1, 2], 4, &[3, 1][..])
    );
    assert_eq!(train.images(), [0.0, 1.0, 0.2, 0.0]);
    write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 1, 3]);
    let error = Dataset::open(name, Split::Train).unwrap_err().to_string();
    assert!(error.ends_with("2 images, but 1 labels"), "{error}");
}

#[test]
fn the_error_for_an_unknown_name_lists_the_known_ones() {
    let error = Dataset::open("mnist-7k", Split::Test)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "data set `mnist-7k` is neither one of `mnist-6k`, `fashion-mnist-6k`, `mnist`, `fashion-mnist`, `cifar10` nor a \
         folder with IDX files"
    );
}

#[test]
fn a_folder_with_grey_and_colour_images_of_one_part_is_refused() {
    let folder = colour_folder();
    folder.write_file("train-images-idx3-ubyte", &idx(&[0, 1, 1], &[]));
    let error = Dataset::open(&folder.name(), Split::Train).unwrap_err();
    let expected =
        "both `train-images-idx3-ubyte` and `train-images-idx4-ubyte` are in this folder";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn images_without_pixels_are_refused() {
    let folder = IdxFolder::new();
    folder.write(Split::Train, &[2, 3, 0, 4], &[], &[0, 1]);
    let error = Dataset::open(&folder.name(), Split::Train)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("images of shape [3, 0, 4] have no pixels"),
        "{error}"
    );
}
