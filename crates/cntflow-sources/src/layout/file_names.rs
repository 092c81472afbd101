//! Zoos whose file names carry the metadata: CNT-DNNs and the Small Transformer Zoo.

use cntflow_catalog::{CatalogEntry, Label};

/// Keys in the file names of the zoo CNT-DNNs, in this order, written `_key-value`. They follow
/// data set, size and architecture, which have no keys.
const CNT_DNN_KEYS: [&str; 7] = [
    "nlayers",
    "nhunits",
    "init",
    "support",
    "seed",
    "realaccuracy",
    "binaccuracy",
];

/// Keys of CNT-DNNs that differ between the checkpoints of one run.
const CHECKPOINT_KEYS: [&str; 2] = ["realaccuracy", "binaccuracy"];

/// Sets the labels, run and step of an entry from the name of its file, if the name has a known
/// pattern.
pub(crate) fn apply_name(entry: &mut CatalogEntry) {
    let name = entry.location.file_name().to_owned();
    if let Some(parsed) = name.strip_suffix(".npy").and_then(parse_cnt_dnn_name) {
        entry.run = parsed.run.into();
        let labels = parsed.labels.into_iter();
        entry
            .labels
            .extend(labels.map(|(key, value)| (key, Label::parse(&value))));
    } else if let Some((run, epoch, accuracy)) =
        name.strip_suffix(".pt").and_then(parse_transformer_name)
    {
        entry.run = run.into();
        entry.step = epoch;
        let labels = [
            ("epoch", epoch.into()),
            ("accuracy", (accuracy / 100.0).into()),
        ];
        let labels = labels.map(|(key, label)| (key.to_owned(), label));
        entry.labels.extend(labels);
    }
}

/// Run and labels in a name.
struct NameLabels {
    run: String,
    labels: Vec<(String, String)>,
}

/// `{dataset}_{netsize}_{arch}_nlayers-{n}[_nhunits-{h}]_init-{init}_support-{scale}_seed-{s}_realaccuracy-{a}[_binaccuracy-{b}]`
fn parse_cnt_dnn_name(stem: &str) -> Option<NameLabels> {
    let (head, _) = stem.split_once("_nlayers-")?;
    let mut parts = head.rsplitn(3, '_');
    let [arch, size, dataset] = [parts.next()?, parts.next()?, parts.next()?];
    let own = [("dataset", dataset), ("netsize", size), ("arch", arch)];
    let mut labels: Vec<(String, String)> = own
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let mut rest = &stem[head.len()..];
    let mut run = head.to_owned();
    for (index, key) in CNT_DNN_KEYS.iter().enumerate() {
        let Some(after) = rest
            .strip_prefix('_')
            .and_then(|rest| rest.strip_prefix(key)?.strip_prefix('-'))
        else {
            continue;
        };
        let ends = CNT_DNN_KEYS[index + 1..].iter();
        let end = ends
            .filter_map(|next| after.find(&format!("_{next}-")))
            .min();
        let value = &after[..end.unwrap_or(after.len())];
        if !CHECKPOINT_KEYS.contains(key) {
            run.push_str(&format!("_{key}-{value}"));
        }
        labels.push(((*key).to_owned(), value.to_owned()));
        rest = &after[value.len()..];
    }
    let is_complete = rest.is_empty() && stem.contains("_realaccuracy-");
    is_complete.then_some(NameLabels { run, labels })
}

/// `<run>_<epoch>_<100 times the accuracy>`: 8731 becomes the accuracy 87.31.
fn parse_transformer_name(stem: &str) -> Option<(&str, i64, f64)> {
    let (rest, accuracy) = stem.rsplit_once('_')?;
    let (run, epoch) = rest.rsplit_once('_')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_accuracy = digits(&accuracy.replacen('.', "", 1));
    if run.is_empty() || !digits(epoch) || !is_accuracy {
        return None;
    }
    Some((run, epoch.parse().ok()?, accuracy.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_patterns_of_cnt_dnns_are_read() {
        let check = |stem: &str, run: &str, expected: &[(&str, &str)]| {
            let parsed = parse_cnt_dnn_name(stem).unwrap();
            assert_eq!(parsed.run, run);
            let labels: Vec<_> = parsed.labels.iter().map(|(k, v)| (&**k, &**v)).collect();
            assert_eq!(labels, expected);
        };
        check(
            "MNIST_small_fc_nlayers-3_init-glorot_normal_support-0.1_seed-7_realaccuracy-0.913_binaccuracy-0.9",
            "MNIST_small_fc_nlayers-3_init-glorot_normal_support-0.1_seed-7",
            &[
                ("dataset", "MNIST"),
                ("netsize", "small"),
                ("arch", "fc"),
                ("nlayers", "3"),
                ("init", "glorot_normal"),
                ("support", "0.1"),
                ("seed", "7"),
                ("realaccuracy", "0.913"),
                ("binaccuracy", "0.9"),
            ],
        );
        check(
            "fashion_mnist_10_fc_nlayers-3_nhunits-64_init-n_support--1_seed-7_realaccuracy-0.5",
            "fashion_mnist_10_fc_nlayers-3_nhunits-64_init-n_support--1_seed-7",
            &[
                ("dataset", "fashion_mnist"),
                ("netsize", "10"),
                ("arch", "fc"),
                ("nlayers", "3"),
                ("nhunits", "64"),
                ("init", "n"),
                ("support", "-1"),
                ("seed", "7"),
                ("realaccuracy", "0.5"),
            ],
        );
        for other in [
            "weights",
            "a_b_c_nlayers-3",
            "a_nlayers-3_init-x_realaccuracy-1",
        ] {
            assert!(parse_cnt_dnn_name(other).is_none(), "{other}");
        }
    }

    #[test]
    fn names_of_the_transformer_zoo_are_read() {
        assert_eq!(
            parse_transformer_name("vit_a_12_8731"),
            Some(("vit_a", 12, 8731.0))
        );
        for other in ["model_1", "model_best_3", "_1_2", "a_b_1"] {
            assert!(parse_transformer_name(other).is_none(), "{other}");
        }
    }
}
