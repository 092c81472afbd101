//! Options in the names of data sets.

use std::collections::BTreeSet;

use cntflow_zoo::{Dataset, Split, TrainingData};

use crate::idx_files::{IdxFolder, colour_folder};

fn open(name: &str, split: Split) -> Dataset {
    Dataset::open(name, split).unwrap()
}

fn error(name: &str) -> String {
    Dataset::open(name, Split::Train).unwrap_err().to_string()
}

/// The pixels of one image, without and with the option `permuted`.
fn pair(original: &Dataset, permuted: &Dataset, index: usize) -> [Vec<u32>; 2] {
    let size = original.image_size();
    [original, permuted].map(|dataset| {
        let image = &dataset.images()[index * size..][..size];
        image.iter().map(|pixel| pixel.to_bits()).collect()
    })
}

#[test]
fn all_images_of_both_splits_have_the_same_permutation_of_pixels() {
    let folder = colour_folder();
    let name = folder.name();
    let [train, test] = [Split::Train, Split::Test].map(|split| open(&name, split));
    let permuted =
        [Split::Train, Split::Test].map(|split| open(&format!("{name}+permuted"), split));
    // All pixels of the first image differ, so they tell where each pixel comes from.
    let [before, after] = pair(&train, &permuted[0], 0);
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len());
    let from: Vec<usize> = after
        .iter()
        .map(|pixel| before.iter().position(|other| other == pixel).unwrap())
        .collect();
    assert_ne!(from, (0..from.len()).collect::<Vec<_>>());
    // The channels of a pixel stay together.
    assert!((0..12).all(|pixel| from[pixel] < 12 && from[12 + pixel] == 12 + from[pixel]));
    for (original, permuted, index) in [(&train, &permuted[0], 1), (&test, &permuted[1], 0)] {
        let [before, after] = pair(original, permuted, index);
        let expected: Vec<u32> = from.iter().map(|&pixel| before[pixel]).collect();
        assert_eq!(after, expected);
        assert_eq!(permuted.labels(), original.labels());
    }
}

/// The first of them, as they were when the option was made: other labels would be another data set
/// under the same name.
#[test]
fn random_labels_never_change() {
    let train = open("mnist-6k+random-labels", Split::Train);
    let test = open("mnist-6k+random-labels", Split::Test);
    let permuted = open("mnist-6k+permuted", Split::Test);
    assert_eq!(
        (
            &train.labels()[..12],
            &test.labels()[..12],
            permuted.digest()
        ),
        (
            &FIRST_TRAIN_LABELS[..],
            &FIRST_TEST_LABELS[..],
            PERMUTED_TEST_DIGEST
        )
    );
    // The labels of another data set with as many classes are the same.
    let fashion = open("fashion-mnist-6k+random-labels", Split::Train);
    assert_eq!(fashion.labels(), train.labels());
}

const FIRST_TRAIN_LABELS: [usize; 12] = [0, 8, 0, 0, 1, 9, 8, 4, 6, 2, 7, 2];
const FIRST_TEST_LABELS: [usize; 12] = [0, 5, 6, 8, 6, 4, 6, 5, 7, 4, 8, 6];
const PERMUTED_TEST_DIGEST: &str =
    "2f8f8b91a25ee8eda9593aa4b75a40907e21bc344f01cad4071f242936b3f584";

#[test]
fn random_labels_are_uniform_and_independent_of_the_images() {
    let original = open("mnist-6k", Split::Train);
    let random = open("mnist-6k+random-labels", Split::Train);
    assert_eq!(random.images(), original.images());
    let mut counts = [0_u32; 10];
    random.labels().iter().for_each(|&label| counts[label] += 1);
    // 500 +- 5 standard deviations of 21.
    assert!(
        counts.iter().all(|count| (394..=606).contains(count)),
        "{counts:?}"
    );
    let pairs = random.labels().iter().zip(original.labels());
    let n_equal = pairs.filter(|(random, label)| random == label).count();
    assert!((394..=606).contains(&n_equal), "{n_equal}");
}

#[test]
fn grey_is_the_luma_of_bt_601() {
    let folder = IdxFolder::new();
    for split in [Split::Train, Split::Test] {
        // Red, green, blue; then a mixture that the formula takes to 107.53.
        folder.write(
            split,
            &[4, 3, 1, 1],
            &[255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 150, 145],
            &[0, 1, 2, 3],
        );
    }
    let grey = open(&format!("{}+grey", folder.name()), Split::Train);
    assert_eq!(grey.shape(), [1, 1, 1]);
    let bytes: Vec<f32> = grey.images().iter().map(|pixel| pixel * 255.0).collect();
    assert_eq!(bytes, [76.0, 150.0, 29.0, 108.0]);
}

#[test]
fn a_crop_has_the_central_rows_and_columns_of_each_channel() {
    let folder = colour_folder();
    let original = open(&folder.name(), Split::Train).images();
    let crop = open(&format!("{}+crop2", folder.name()), Split::Train);
    assert_eq!(crop.shape(), [3, 2, 2]);
    // Of 3 rows the first two, of 4 columns the middle two.
    let kept = [1, 2, 5, 6];
    let channels = [0, 12, 24].iter();
    let first_image: Vec<f32> = channels
        .flat_map(|channel| kept.map(|pixel| original[channel + pixel]))
        .collect();
    assert_eq!(crop.images()[..12], first_image);
}

#[test]
fn a_sample_has_as_many_images_of_each_class() {
    for split in [Split::Train, Split::Test] {
        let sample = open("mnist-6k+sample200", split);
        assert_eq!(sample.len(), 200);
        for class in 0..10 {
            let labels = sample.labels().iter();
            assert_eq!(
                labels.filter(|&&label| label == class).count(),
                20,
                "{class}"
            );
        }
    }
    let all = open("mnist-6k+sample2000", Split::Test);
    assert_eq!(all.images(), open("mnist-6k", Split::Test).images());
}

#[test]
fn options_are_applied_in_the_order_written() {
    let folder = colour_folder();
    let variant = |options: &str| open(&format!("{}{options}", folder.name()), Split::Train);
    let permuted_crop = variant("+grey+crop2+permuted");
    assert_eq!(permuted_crop.shape(), [1, 2, 2]);
    assert_ne!(
        permuted_crop.images(),
        variant("+grey+permuted+crop2").images()
    );
    assert_eq!(
        variant("+grey+crop2").images(),
        variant("+crop2+grey").images()
    );
}

#[test]
fn each_variant_has_a_name_and_a_digest_of_its_own() {
    let options = [
        "",
        "+permuted",
        "+random-labels",
        "+crop28",
        "+crop27",
        "+permuted+crop27",
        "+crop27+permuted",
    ];
    let mut digests = BTreeSet::new();
    for options in options {
        let name = format!("mnist-6k{options}");
        let [train, test] = [Split::Train, Split::Test].map(|split| open(&name, split));
        assert_eq!([train.name(), test.name()], [&name, &name]);
        digests.extend([train.digest().to_owned(), test.digest().to_owned()]);
    }
    assert_eq!(digests.len(), 2 * options.len());
}

#[test]
fn options_that_do_not_exist_or_fit_are_refused_with_both_numbers() {
    assert_eq!(
        error("mnist-6k+permuted+gray"),
        "data set `mnist-6k+permuted+gray`: unknown option `gray`: expected one of `permuted`, \
         `random-labels`, `grey`, `cropN` (such as `crop28`), `sampleN` (such as `sample5000`)"
    );
    for unknown in [
        "", "sample", "sample0", "sample01", "crop", "crop0", "crop028", "crop+28", "crop-1",
        "Permuted",
    ] {
        let message = error(&format!("mnist-6k+{unknown}"));
        assert!(message.contains("unknown option"), "{message}");
    }
    assert_eq!(
        error("mnist-6k+grey"),
        "data set `mnist-6k+grey`: option `grey` needs images with 3 channels, found 1"
    );
    assert_eq!(
        error("mnist-6k+crop20+crop24"),
        "data set `mnist-6k+crop20+crop24`: option `crop24` needs images of at least 24x24 pixels, \
         found 20x20"
    );
    assert_eq!(
        error("mnist-6k+permuted+permuted"),
        "data set `mnist-6k+permuted+permuted`: option `permuted` is given twice"
    );
    assert!(error("mnist-7k+permuted").starts_with("data set `mnist-7k+permuted` is neither"));
}

#[test]
fn a_folder_with_exactly_that_name_is_opened_as_it_is() {
    let parent = tempfile::tempdir().unwrap();
    let path = |name: &str| parent.path().join(name);
    let images = |folder: &IdxFolder, pixels: &[u8]| {
        for split in [Split::Train, Split::Test] {
            folder.write(split, &[1, 3, 1, 1], pixels, &[0]);
        }
    };
    images(&IdxFolder::at(&path("a+b")), &[255, 0, 0]);
    images(&IdxFolder::at(&path("a+b+grey")), &[0, 255, 255]);
    let open = |name: &str| open(path(name).to_str().unwrap(), Split::Train);
    assert_eq!(open("a+b+grey").images(), [0.0, 1.0, 1.0]);
    assert_eq!(open("a+b+grey+grey").images(), [179.0 / 255.0]);
    assert_eq!(open("a+b").shape(), [3, 1, 1]);
}

#[test]
fn training_data_of_unequal_splits_is_refused_with_both_shapes() {
    let folder = IdxFolder::new();
    folder.write(Split::Train, &[1, 2, 2], &[0; 4], &[0]);
    folder.write(Split::Test, &[1, 3, 2, 2], &[0; 12], &[0]);
    let error = TrainingData::open(&folder.name()).unwrap_err().to_string();
    assert!(
        error.ends_with("training images of shape [1, 2, 2], test images of shape [3, 2, 2]"),
        "{error}"
    );
}
