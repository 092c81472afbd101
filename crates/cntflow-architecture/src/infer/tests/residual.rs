//! Residual networks by their names.

use super::{check, check_error, inferred, inferred_with, layers};

/// A norm after a kernel.
macro_rules! norm {
    ($name:literal, $n:literal) => {
        [
            (concat!($name, ".weight"), &[$n][..]),
            (concat!($name, ".bias"), &[$n]),
            (concat!($name, ".running_mean"), &[$n]),
            (concat!($name, ".running_var"), &[$n]),
        ]
    };
}

type List = Vec<(&'static str, &'static [usize])>;

/// Two stages of basic blocks, the second with a projection, as torchvision names them.
fn basic() -> List {
    let mut list: List = vec![("conv1.weight", &[4, 3, 7, 7])];
    list.extend(norm!("bn1", 4));
    list.push(("layer1.0.conv1.weight", &[4, 4, 3, 3]));
    list.extend(norm!("layer1.0.bn1", 4));
    list.push(("layer1.0.conv2.weight", &[4, 4, 3, 3]));
    list.extend(norm!("layer1.0.bn2", 4));
    list.push(("layer2.0.conv1.weight", &[8, 4, 3, 3]));
    list.extend(norm!("layer2.0.bn1", 8));
    list.push(("layer2.0.conv2.weight", &[8, 8, 3, 3]));
    list.extend(norm!("layer2.0.bn2", 8));
    list.push(("layer2.0.downsample.0.weight", &[8, 4, 1, 1]));
    list.extend(norm!("layer2.0.downsample.1", 8));
    list.extend([("fc.weight", &[10, 8][..]), ("fc.bias", &[10])]);
    list
}

#[test]
fn blocks_are_added_to_what_they_take() {
    let resolved = check(
        &basic(),
        &[
            "conv2d conv1 4 [7,7]",
            "batch_norm bn1",
            "conv2d layer1.0.conv1 4 [3,3]",
            "batch_norm layer1.0.bn1",
            "conv2d layer1.0.conv2 4 [3,3]",
            "batch_norm layer1.0.bn2",
            "add layer1.0",
            "conv2d layer2.0.conv1 8 [3,3]",
            "batch_norm layer2.0.bn1",
            "conv2d layer2.0.conv2 8 [3,3]",
            "batch_norm layer2.0.bn2",
            "branch",
            "conv2d layer2.0.downsample.0 8 [1,1]",
            "batch_norm layer2.0.downsample.1",
            "add layer2.0",
            "global_average_pool",
            "dense fc 10",
        ],
    );
    let layers = serde_json::to_value(&resolved.architecture.layers).unwrap();
    let from = |place: usize| layers[place]["from"].as_str().unwrap();
    assert_eq!(
        [from(6), from(11), from(14)],
        ["bn1", "layer1.0", "layer2.0.bn2"]
    );
    assert!(resolved.image_size_unknown);
    let assumptions = resolved.assumptions.join("\n");
    assert!(
        assumptions.contains("residual") && assumptions.contains("means over all places"),
        "{assumptions}"
    );
}

#[test]
fn bottlenecks_and_names_of_scripts() {
    let mut list: List = vec![("module.stem.weight", &[4, 3, 3, 3])];
    list.extend([
        ("module.blocks.0.conv1.weight", &[2, 4, 1, 1][..]),
        ("module.blocks.0.conv2.weight", &[2, 2, 3, 3]),
        ("module.blocks.0.conv3.weight", &[8, 2, 1, 1]),
        ("module.blocks.0.shortcut.weight", &[8, 4, 1, 1]),
        ("module.blocks.1.conv1.weight", &[2, 8, 1, 1]),
        ("module.blocks.1.conv2.weight", &[2, 2, 3, 3]),
        ("module.blocks.1.conv3.weight", &[8, 2, 1, 1]),
        ("module.linear.weight", &[5, 8]),
    ]);
    let resolved = inferred(&list);
    let shown = layers(&resolved).join(", ");
    let expected = "conv2d blocks.0.conv3 8 [1,1], branch, conv2d blocks.0.shortcut 8 [1,1], add blocks.0, conv2d blocks.1.conv1";
    assert!(shown.contains(expected), "{shown}");
    assert!(
        shown.ends_with("add blocks.1, global_average_pool, dense linear 5"),
        "{shown}"
    );
}

#[test]
fn the_activation_comes_behind_the_sum() {
    let resolved = inferred_with(&basic(), "activation", "relu");
    let layers = serde_json::to_value(&resolved.architecture.layers).unwrap();
    let activations: Vec<_> = layers
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["activation"].as_str())
        .collect();
    let relu = Some("relu");
    let first = [None, relu, None, relu, None, None, relu];
    assert_eq!(activations[..7], first);
    assert_eq!(
        activations[7..],
        [None, relu, None, None, None, None, None, relu, None, None]
    );
}

#[test]
fn sums_of_different_channels_are_refused() {
    let mut list = basic();
    let side = list
        .iter()
        .position(|(name, _)| name.contains("downsample.0"))
        .unwrap();
    list[side].1 = &[6, 4, 1, 1];
    for (name, shape) in list.iter_mut().skip(side + 1) {
        if name.contains("downsample.1") {
            *shape = &[6];
        }
    }
    check_error(&list, "block layer2.0 adds 6 channels to 8");
    let mut list = basic();
    list.retain(|(name, _)| !name.starts_with("layer1.0.") || name.contains("conv"));
    list.retain(|(name, _)| *name != "layer1.0.conv2.weight");
    check_error(&list, "layer2.0");
}
