//! Nodes that only see data or weights in another way: transposed, merged, with ones added or dropped.

use serde_json::json;

use super::axes::{Axis, reshaped};
use super::number::Number;
use super::seen::{MAX_RANK, Seen};
use super::weight::{Weight, n_values};
use super::{Flow, Known, Path, Told};
use cntflow_formats::onnx::node::Node;

impl<'m, 'a> Path<'m, 'a> {
    pub(super) fn same(&mut self, node: &Node<'a>) -> Told<()> {
        let known = self.known(node, 0)?.clone();
        self.give(node, 0, known);
        Ok(())
    }

    pub(super) fn transpose(&mut self, node: &Node<'a>) -> Told<()> {
        let order = node.ints("perm");
        let known = match self.known(node, 0)? {
            Known::Weight(weight) if weight.shape.len() == 2 => match order.as_deref() {
                None | Some([1, 0]) => Known::Weight(weight.transpose()),
                _ => Known::Weight(weight.clone()),
            },
            Known::Flow(flow) => {
                let axes = permuted(&flow.axes, order.as_deref())?;
                Known::Flow(Flow {
                    place: flow.place,
                    axes,
                })
            }
            Known::Seen(seen) => {
                let order = order.unwrap_or_else(|| (0..seen.dims.len() as i64).rev().collect());
                let turned = seen.transposed(&order);
                let turned = turned.ok_or_else(|| format!("it has no order {order:?}"))?;
                self.settled(turned)
            }
            Known::Zeros(sizes) => Known::Zeros(permuted(sizes, order.as_deref())?),
            _ => return Err("it transposes what is neither data nor a matrix".to_owned()),
        };
        self.give(node, 0, known);
        Ok(())
    }

    pub(super) fn reshape(&mut self, node: &Node<'a>) -> Told<()> {
        let target = self.sizes(node, 1)?;
        let copies = node.int("allowzero").unwrap_or(0) == 0;
        match self.known(node, 0)? {
            Known::Seen(seen) => {
                let known = self.reshaped_seen(seen, &target, copies)?;
                self.give(node, 0, known);
                Ok(())
            }
            Known::Weight(weight) => {
                let known = reshaped_weight(weight, &target, copies)?;
                self.give(node, 0, known);
                Ok(())
            }
            _ => self.merge(node, &target, copies),
        }
    }

    fn reshaped_seen(&self, seen: &Seen, target: &[Number], copies: bool) -> Told<Known<'a>> {
        let reshaped = seen.reshaped(target, copies);
        let reshaped = reshaped
            .ok_or_else(|| format!("data of {:?} cannot be seen as {target:?}", seen.dims))?;
        Ok(self.settled(reshaped))
    }

    pub(super) fn flatten(&mut self, node: &Node<'a>) -> Told<()> {
        match node.int("axis").unwrap_or(1) {
            1 => self.merge(node, &[Number::Known(0), Number::Known(-1)], true),
            axis => Err(format!("it flattens from axis {axis}, not 1")),
        }
    }

    fn merge(&mut self, node: &Node<'a>, target: &[Number], zero_copies: bool) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let plain: Option<Vec<i64>> = target.iter().map(|&size| plain(size)).collect();
        let merged = plain
            .and_then(|target| reshaped(&flow.axes, &target, self.batch, zero_copies))
            .filter(|(axes, _)| axes.len() <= MAX_RANK);
        let Some((axes, flattened)) = merged else {
            let differs = || format!("data of {:?} cannot be seen as {target:?}", flow.axes);
            let seen = self.see(&flow).map_err(|_| differs())?;
            let known = self.reshaped_seen(&seen, target, zero_copies)?;
            self.give(node, 0, known);
            return Ok(());
        };
        if flattened {
            if axes[0] != Axis::Batch {
                return Err("it flattens data whose inputs are not its first axis".to_owned());
            }
            self.go_to(&flow)?;
            self.push(json!({"kind": "flatten"}))?;
            self.give_flow(node, axes);
        } else {
            let place = flow.place;
            self.give(node, 0, Known::Flow(Flow { place, axes }));
        }
        Ok(())
    }

    /// The axes that an operator names: in its second input, or before that in an attribute.
    pub(super) fn named_axes(&self, node: &Node<'a>, rank: usize) -> Told<Option<Vec<usize>>> {
        let axes = match self.has(node, 1) {
            true => Some(self.list(node, 1)?),
            false => node.ints("axes"),
        };
        let Some(axes) = axes else { return Ok(None) };
        let places = axes.iter().map(|&axis| place_of(axis, rank));
        places
            .collect::<Option<_>>()
            .map(Some)
            .ok_or_else(|| format!("it has no axes {axes:?}"))
    }

    pub(super) fn squeeze(&mut self, node: &Node<'a>) -> Told<()> {
        let known = match self.known(node, 0)?.clone() {
            Known::Seen(seen) => {
                let dropped = self.named_axes(node, seen.dims.len())?;
                let squeezed = seen.squeezed(dropped.as_deref());
                self.settled(squeezed.ok_or_else(|| format!("it drops one of {:?}", seen.dims))?)
            }
            Known::Zeros(sizes) => {
                let dropped = self.named_axes(node, sizes.len())?;
                Known::Zeros(dropped_ones(&sizes, dropped.as_deref(), |&size| {
                    size == Number::Known(1)
                })?)
            }
            Known::Weight(weight) => {
                let dropped = self.named_axes(node, weight.shape.len())?;
                let shape = dropped_ones(&weight.shape, dropped.as_deref(), |&size| size == 1)?;
                seen_as(&weight, shape)?
            }
            _ => {
                let Flow { place, axes } = self.flow(node, 0)?;
                let dropped = self.named_axes(node, axes.len())?;
                let is_one = |axis: &Axis| {
                    *axis == Axis::One || (dropped.is_some() && axis.size() == Some(1))
                };
                let axes = dropped_ones(&axes, dropped.as_deref(), is_one)?;
                Known::Flow(Flow { place, axes })
            }
        };
        self.give(node, 0, known);
        Ok(())
    }

    pub(super) fn unsqueeze(&mut self, node: &Node<'a>) -> Told<()> {
        let count = match self.has(node, 1) {
            true => self.list(node, 1)?.len(),
            false => node.ints("axes").unwrap_or_default().len(),
        };
        let known = self.known(node, 0)?.clone();
        let rank = match &known {
            Known::Seen(seen) => seen.dims.len(),
            Known::Zeros(sizes) => sizes.len(),
            Known::Weight(weight) => weight.shape.len(),
            _ => self.flow(node, 0)?.axes.len(),
        };
        if rank + count > MAX_RANK {
            return Err(format!(
                "it makes {} axes, at most {MAX_RANK} are followed",
                rank + count
            ));
        }
        let mut added = self.named_axes(node, rank + count)?.unwrap_or_default();
        added.sort_unstable();
        let known = match known {
            Known::Seen(seen) => {
                let with = seen.unsqueezed(&added);
                self.settled(with.ok_or_else(|| format!("it adds axes {added:?}"))?)
            }
            Known::Zeros(sizes) => Known::Zeros(with_ones(sizes, &added, Number::Known(1))?),
            Known::Weight(weight) => {
                let shape = with_ones(weight.shape.clone(), &added, 1)?;
                seen_as(&weight, shape)?
            }
            _ => {
                let Flow { place, axes } = self.flow(node, 0)?;
                let axes = with_ones(axes, &added, Axis::One)?;
                Known::Flow(Flow { place, axes })
            }
        };
        self.give(node, 0, known);
        Ok(())
    }
}

/// A size as it is written where -1 stands for the number of inputs.
fn plain(size: Number) -> Option<i64> {
    match size {
        Number::Known(n) => Some(n),
        Number::Inputs(1) => Some(-1),
        Number::Inputs(_) => None,
    }
}

fn seen_as<'a>(weight: &Weight<'a>, shape: Vec<usize>) -> Told<Known<'a>> {
    let seen = weight.seen_as(shape);
    seen.map(Known::Weight).ok_or_else(|| {
        format!(
            "a weight {:?} is seen in a way that is not known",
            weight.shape
        )
    })
}

fn reshaped_weight<'a>(weight: &Weight<'a>, target: &[Number], copies: bool) -> Told<Known<'a>> {
    let all = n_values(&weight.shape);
    let mut open = None;
    let mut shape = Vec::new();
    for (place, size) in target.iter().enumerate() {
        shape.push(match size {
            Number::Known(0) if copies => weight.shape.get(place).copied().unwrap_or(0),
            Number::Known(-1) if open.is_none() => {
                open = Some(place);
                1
            }
            size => size
                .known()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0),
        });
    }
    if let Some(place) = open {
        let others = shape
            .iter()
            .try_fold(1_usize, |n, &size| n.checked_mul(size));
        shape[place] = others.and_then(|n| all.checked_div(n)).unwrap_or(0);
    }
    seen_as(weight, shape)
}

fn permuted<T: Copy>(axes: &[T], order: Option<&[i64]>) -> Told<Vec<T>> {
    let reversed: Vec<i64> = (0..axes.len() as i64).rev().collect();
    let order = order.unwrap_or(&reversed);
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    let axis = |&place: &i64| axes.get(usize::try_from(place).ok()?).copied();
    let permuted: Option<Vec<T>> = order.iter().map(axis).collect();
    let permuted = permuted.filter(|_| sorted.into_iter().eq(0..axes.len() as i64));
    permuted.ok_or_else(|| format!("it has no order {order:?}"))
}

fn dropped_ones<T: Copy + std::fmt::Debug>(
    axes: &[T],
    dropped: Option<&[usize]>,
    is_one: impl Fn(&T) -> bool,
) -> Told<Vec<T>> {
    let mut kept = Vec::new();
    for (place, axis) in axes.iter().enumerate() {
        match dropped.map_or(is_one(axis), |places| places.contains(&place)) {
            false => kept.push(*axis),
            true if is_one(axis) => {}
            true => return Err(format!("it drops {axis:?}")),
        }
    }
    Ok(kept)
}

fn with_ones<T: Copy + std::fmt::Debug>(mut axes: Vec<T>, added: &[usize], one: T) -> Told<Vec<T>> {
    for &at in added {
        if at > axes.len() {
            return Err(format!("it adds axis {at} to {axes:?}"));
        }
        axes.insert(at, one);
    }
    Ok(axes)
}

/// Axes without some of them, or with ones in their places.
pub(super) fn without(axes: &[Axis], dropped: &[usize], keeps: bool) -> Vec<Axis> {
    let axes = axes.iter().enumerate();
    axes.filter_map(|(place, &axis)| match dropped.contains(&place) {
        true => keeps.then_some(Axis::One),
        false => Some(axis),
    })
    .collect()
}

/// The place of an axis that may be counted from the end.
pub(super) fn place_of(axis: i64, rank: usize) -> Option<usize> {
    let place = super::seen::from_start(axis, i64::try_from(rank).ok()?)?;
    usize::try_from(place).ok()
}
