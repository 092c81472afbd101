//! Layers matched by their role, so that networks of different shapes can be compared.

use std::collections::BTreeMap;

use cntflow_network::Role;

use super::{LayerSample, SampleSummary};
use crate::Metric;

/// The samples of a network's layers put together by role: one sample per metric for `input`,
/// `hidden`, `output`, and one for all of these, the `network`.
///
/// Every value of every layer counts once, so a wide layer weighs more than a narrow one. The index
/// of a layer is that of its role, 0 to 3 in this order, and its name is that of its role.
///
/// ```
/// use cntflow_metrics::{Metric, population::{LayerSample, pooled_by_role}};
/// use cntflow_network::Role;
///
/// let layer = |layer: usize, role, value: f64| LayerSample {
///     layer,
///     name: format!("fc{layer}"),
///     role,
///     metric: Metric::LinkWeights,
///     sample: [value].into_iter().collect(),
/// };
/// let hidden = [layer(1, Role::Hidden, 1.0), layer(2, Role::Hidden, 2.0)];
/// let layers = hidden.into_iter().chain([layer(3, Role::Output, 6.0)]);
/// let pooled = pooled_by_role(layers);
/// let means = pooled.iter().map(|pooled| (pooled.name.as_str(), pooled.sample.mean()));
/// assert_eq!(means.collect::<Vec<_>>(), [("hidden", 1.5), ("output", 6.0), ("network", 3.0)]);
/// ```
pub fn pooled_by_role(layers: impl IntoIterator<Item = LayerSample>) -> Vec<LayerSample> {
    let mut pooled: BTreeMap<(usize, Metric), (Role, SampleSummary)> = BTreeMap::new();
    for layer in layers {
        for role in [layer.role, Role::Network] {
            let key = (role_index(role), layer.metric);
            let empty = || (role, SampleSummary::default());
            pooled
                .entry(key)
                .or_insert_with(empty)
                .1
                .merge(&layer.sample);
        }
    }
    let samples = pooled.into_iter();
    samples
        .map(|((layer, metric), (role, sample))| LayerSample {
            layer,
            name: role.as_str().to_owned(),
            role,
            metric,
            sample,
        })
        .collect()
}

fn role_index(role: Role) -> usize {
    match role {
        Role::Input => 0,
        Role::Hidden => 1,
        Role::Output => 2,
        Role::Network => 3,
        Role::Unknown => 4,
    }
}
