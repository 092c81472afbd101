//! Convolutions and poolings.

use super::links::{Convolution, Kind, Pool};
use super::reader::{Product, Reader};
use super::track::{NeuronAxis, Track};
use super::wiring::Step;

impl<'m> Reader<'_, 'm> {
    /// A pooling of one to three dimensions, or over all places.
    pub(super) fn pool(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let node = step.node;
        let window = match node.operator {
            "GlobalMaxPool" | "GlobalAveragePool" => None,
            _ => {
                let sizes = node.ints("kernel_shape")?;
                let sizes = sizes.iter().map(|&size| usize::try_from(size).ok());
                Some(sizes.collect::<Option<Vec<usize>>>()?)
            }
        };
        let track = Track {
            rank: window.as_ref().map(|window| window.len() + 2),
            axis: NeuronAxis::Front(1),
            n: 0,
            is_alone: window.is_none(),
        };
        Some(Product {
            data: 0,
            takes: track,
            gives: Some(track),
            names: Vec::new(),
            kind: Kind::Pool(Pool {
                is_max: node.operator.ends_with("MaxPool"),
                window: match window {
                    Some(window) => Some(window_of(&window)?),
                    None => None,
                },
            }),
        })
    }

    pub(super) fn convolution(
        &self,
        step: &Step<'m>,
        input: usize,
        bias: Option<usize>,
        is_transposed: bool,
    ) -> Option<Product<'m>> {
        if self.weights.readable(step, 0).is_some() {
            return None;
        }
        let known = self.weights.readable(step, input)?;
        let groups = usize::try_from(step.node.int("group").unwrap_or(1)).ok()?;
        let (leading, window) = known.shape.split_at_checked(2)?;
        if groups == 0 || !leading[0].is_multiple_of(groups) {
            return None;
        }
        let grouped = leading[1].checked_mul(groups)?;
        let (channels, filters) = if is_transposed {
            (leading[0], grouped)
        } else {
            (grouped, leading[0])
        };
        let kernel = window_of(window)?;
        let shape = [leading, &kernel].concat();
        let mut names = vec![known.name()];
        let weight = self.recipe(known, &shape)?;
        let bias = bias.and_then(|bias| self.vector(step, bias, filters));
        names.extend(bias.as_ref().map(|(_, name)| *name));
        let rank = known.shape.len();
        Some(Product {
            data: 0,
            takes: Track::channels(channels, rank),
            gives: Some(Track::channels(filters, rank)),
            names,
            kind: Kind::Convolution(Convolution {
                weight,
                bias: bias.map(|(recipe, _)| recipe),
                filters,
                kernel,
                groups,
                is_transposed,
            }),
        })
    }

    /// A mean over all places of channels, which is a pooling. Whether it takes channels is seen
    /// when it is joined.
    pub(super) fn mean_over_places(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let axes = self.weights.numbers(step, "axes", 1)?;
        let rank = axes.len() + 2;
        let size = i64::try_from(rank).ok()?;
        let mut axes: Vec<i64> = axes
            .iter()
            .map(|&axis| if axis < 0 { axis + size } else { axis })
            .collect();
        axes.sort_unstable();
        let keeps = step.node.int("keepdims").unwrap_or(1) != 0;
        let is_of_places = axes.iter().copied().eq(2..size);
        is_of_places.then(|| Product {
            data: 0,
            takes: Track::channels(0, rank),
            gives: Some(Track {
                is_alone: true,
                ..Track::channels(0, if keeps { rank } else { 2 })
            }),
            names: Vec::new(),
            kind: Kind::Pool(Pool {
                is_max: false,
                window: None,
            }),
        })
    }
}

/// The window of a kernel: that of three dimensions has the first two as rows.
fn window_of(window: &[usize]) -> Option<Vec<usize>> {
    match *window {
        [depth, rows, columns] => Some(vec![depth.checked_mul(rows)?, columns]),
        [_] | [_, _] => Some(window.to_vec()),
        _ => None,
    }
}
