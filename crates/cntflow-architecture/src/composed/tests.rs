//! Kernels in parts, by names and shapes.

use cntflow_formats::Element;

use super::*;

fn found(list: &[(&str, &[usize])]) -> ComposedTensors {
    let tensors: Vec<TensorEntry> = list
        .iter()
        .map(|(name, shape)| TensorEntry {
            name: (*name).to_owned(),
            shape: shape.to_vec(),
            element: Element::F32,
            excluded_because: None,
        })
        .collect();
    ComposedTensors::of(&tensors)
}

fn dimension_of(list: &[(&str, &[usize])]) -> Option<Option<usize>> {
    match found(list).composed.get("fc.weight")? {
        Composed::Normed(NormedKernel::Weight { dimension, .. }) => Some(*dimension),
        Composed::Normed(NormedKernel::Spectral { dimension, .. }) => Some(Some(*dimension)),
        Composed::Renamed(_) => None,
    }
}

#[test]
fn weight_normalisation_is_known_by_names_and_shapes() {
    let v: (&str, &[usize]) = ("fc.weight_v", &[3, 4]);
    assert_eq!(dimension_of(&[("fc.weight_g", &[3, 1]), v]), Some(Some(0)));
    assert_eq!(dimension_of(&[("fc.weight_g", &[1, 4]), v]), Some(Some(1)));
    assert_eq!(dimension_of(&[("fc.weight_g", &[]), v]), Some(None));
    // Two gates, one beside the other.
    assert_eq!(dimension_of(&[("fc.weight_g", &[3, 4]), v]), None);
    assert_eq!(dimension_of(&[v]), None);
    let of_today = [
        ("fc.parametrizations.weight.original0", &[3, 1][..]),
        ("fc.parametrizations.weight.original1", &[3, 4]),
    ];
    assert_eq!(dimension_of(&of_today), Some(Some(0)));
}

#[test]
fn spectral_normalisation_is_known_by_names_and_shapes() {
    let with = |u: &'static [usize], v: &'static [usize]| {
        let parts = [
            ("fc.weight_orig", &[3, 4, 5][..]),
            ("fc.weight_u", u),
            ("fc.weight_v", v),
        ];
        dimension_of(&parts)
    };
    assert_eq!(with(&[3], &[20]), Some(Some(0)));
    assert_eq!(with(&[4], &[15]), Some(Some(1)));
    assert_eq!(with(&[3], &[15]), None);
    let of_today = [
        ("fc.parametrizations.weight.original", &[3, 4][..]),
        ("fc.parametrizations.weight.0._u", &[3]),
        ("fc.parametrizations.weight.0._v", &[4]),
    ];
    assert_eq!(dimension_of(&of_today), Some(Some(0)));
}

#[test]
fn low_rank_factors_are_named_with_their_layer() {
    let found = found(&[
        ("q.base_layer.weight", &[4, 4]),
        ("q.lora_A.default.weight", &[2, 4]),
        ("q.lora_B.weight", &[4, 2]),
        ("q.lora_Another.weight", &[4, 2]),
    ]);
    assert_eq!(
        found.role("q.lora_A.default.weight"),
        Some("low-rank factor A of q")
    );
    assert_eq!(
        found.role("q.lora_B.weight"),
        Some("low-rank factor B of q")
    );
    assert_eq!(found.role("q.lora_Another.weight"), None);
    assert_eq!(found.tensors[0].name, "q.weight");
}
