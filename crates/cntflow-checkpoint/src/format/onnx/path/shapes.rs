//! Nodes that only see data in another way: transposed, merged, with ones added or dropped.

use serde_json::json;

use super::super::proto::Node;
use super::axes::{Axis, reshaped};
use super::{Flow, Known, Path, Told};

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
                let order = order.unwrap_or_else(|| (0..flow.axes.len() as i64).rev().collect());
                let axis = |&place: &i64| flow.axes.get(usize::try_from(place).ok()?).copied();
                let axes: Option<Vec<Axis>> = order.iter().map(axis).collect();
                let axes = axes.filter(|axes| axes.len() == flow.axes.len());
                let axes = axes.ok_or_else(|| format!("it has no order {order:?}"))?;
                Known::Flow(Flow {
                    place: flow.place,
                    axes,
                })
            }
            _ => return Err("it transposes what is neither data nor a matrix".to_owned()),
        };
        self.give(node, 0, known);
        Ok(())
    }

    pub(super) fn reshape(&mut self, node: &Node<'a>) -> Told<()> {
        let target = self.list(node, 1)?;
        let copies = node.int("allowzero").unwrap_or(0) == 0;
        self.merge(node, &target, copies)
    }

    pub(super) fn flatten(&mut self, node: &Node<'a>) -> Told<()> {
        match node.int("axis").unwrap_or(1) {
            1 => self.merge(node, &[0, -1], true),
            axis => Err(format!("it flattens from axis {axis}, not 1")),
        }
    }

    fn merge(&mut self, node: &Node<'a>, target: &[i64], zero_copies: bool) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let (axes, flattened) = reshaped(&flow.axes, target, self.batch, zero_copies)
            .ok_or_else(|| format!("data of {:?} cannot be seen as {target:?}", flow.axes))?;
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
    fn named_axes(&self, node: &Node<'a>, rank: usize) -> Told<Option<Vec<usize>>> {
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
        let Flow { place, axes } = self.flow(node, 0)?;
        let dropped = self.named_axes(node, axes.len())?;
        let is_dropped = |place: usize, axis: Axis| match &dropped {
            Some(dropped) => dropped.contains(&place),
            None => axis == Axis::One,
        };
        let mut kept = Vec::new();
        for (place, &axis) in axes.iter().enumerate() {
            match (is_dropped(place, axis), axis) {
                (false, axis) => kept.push(axis),
                (true, Axis::One) => {}
                (true, axis) if axis.size() == Some(1) => {}
                (true, axis) => return Err(format!("it drops {axis:?}")),
            }
        }
        self.give(node, 0, Known::Flow(Flow { place, axes: kept }));
        Ok(())
    }

    pub(super) fn unsqueeze(&mut self, node: &Node<'a>) -> Told<()> {
        let Flow { place, mut axes } = self.flow(node, 0)?;
        let count = match self.has(node, 1) {
            true => self.list(node, 1)?.len(),
            false => node.ints("axes").unwrap_or_default().len(),
        };
        let mut added = self
            .named_axes(node, axes.len() + count)?
            .unwrap_or_default();
        added.sort_unstable();
        for at in added {
            if at > axes.len() {
                return Err(format!("it adds axis {at} to {axes:?}"));
            }
            axes.insert(at, Axis::One);
        }
        self.give(node, 0, Known::Flow(Flow { place, axes }));
        Ok(())
    }

    /// An embedding, or one step of a sequence.
    pub(super) fn gather(&mut self, node: &'m Node<'a>) -> Told<()> {
        let axis = node.int("axis").unwrap_or(0);
        if let Known::Weight(weight) = self.known(node, 0)? {
            let weight = weight.clone();
            return self.embedding(node, weight, axis);
        }
        let flow = self.flow(node, 0)?;
        let index = match self.list(node, 1)?[..] {
            [index] => index,
            ref several => return Err(format!("it takes {} places", several.len())),
        };
        let keeps = match self.known(node, 1)? {
            Known::Weight(weight) => !weight.shape.is_empty(),
            _ => false,
        };
        self.take(node, flow, (axis, index), keeps)
    }

    pub(super) fn slice(&mut self, node: &'m Node<'a>) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let one = |list: Vec<i64>| match list[..] {
            [one] => Ok(one),
            _ => Err("it slices several axes".to_owned()),
        };
        let [start, end, axis] = match self.has(node, 1) {
            true => [
                one(self.list(node, 1)?)?,
                one(self.list(node, 2)?)?,
                if self.has(node, 3) {
                    one(self.list(node, 3)?)?
                } else {
                    0
                },
            ],
            false => [
                one(node.ints("starts").unwrap_or_default())?,
                one(node.ints("ends").unwrap_or_default())?,
                one(node.ints("axes").unwrap_or_else(|| vec![0]))?,
            ],
        };
        if self.has(node, 4) && one(self.list(node, 4)?)? != 1 {
            return Err("it slices in steps".to_owned());
        }
        let place =
            place_of(axis, flow.axes.len()).ok_or_else(|| format!("it has no axis {axis}"))?;
        let size = flow.axes[place].size().unwrap_or(1) as i64;
        let at = |index: i64| {
            if index < 0 {
                index.saturating_add(size)
            } else {
                index
            }
            .clamp(0, size)
        };
        match (at(start), at(end)) {
            (0, end) if end == size => {
                self.give(node, 0, Known::Flow(flow));
                Ok(())
            }
            (start, end) if end == start + 1 => self.take(node, flow, (axis, start), true),
            _ => Err(format!("it keeps {start}..{end} of {size}")),
        }
    }

    fn take(
        &mut self,
        node: &Node<'a>,
        flow: Flow,
        (axis, index): (i64, i64),
        keeps: bool,
    ) -> Told<()> {
        let place =
            place_of(axis, flow.axes.len()).ok_or_else(|| format!("it has no axis {axis}"))?;
        if flow.axes[place] == Axis::One && [0, -1].contains(&index) {
            let axes = without(&flow.axes, &[place], keeps);
            let place = flow.place;
            self.give(node, 0, Known::Flow(Flow { place, axes }));
            return Ok(());
        }
        let Axis::Steps(steps) = flow.axes[place] else {
            return Err(format!("it takes one place of {:?}", flow.axes[place]));
        };
        let which = match index {
            0 => "first",
            index if index == -1 || index == steps - 1 => "last",
            other => {
                return Err(format!(
                    "it takes step {other}, neither the first nor the last"
                ));
            }
        };
        self.go_to(&flow)?;
        self.push(json!({"kind": "take_step", "which": which}))?;
        let axes = without(&flow.axes, &[place], keeps);
        self.give_flow(node, axes);
        Ok(())
    }

    /// The mean over the steps of a sequence, or over the places of channels.
    pub(super) fn mean(&mut self, node: &Node<'a>) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let means = self.named_axes(node, flow.axes.len())?.unwrap_or_default();
        let over = means.iter().map(|&place| flow.axes[place]);
        let over: Vec<Axis> = over.filter(|axis| *axis != Axis::One).collect();
        let layer = match over[..] {
            [Axis::Steps(_)] => json!({"kind": "take_step", "which": "mean"}),
            [Axis::Rows(_), Axis::Columns(_)] | [Axis::Columns(_), Axis::Rows(_)] => {
                json!({"kind": "global_average_pool"})
            }
            [Axis::Columns(_)] if !flow.axes.iter().any(|axis| matches!(axis, Axis::Rows(_))) => {
                json!({"kind": "global_average_pool"})
            }
            _ => return Err(format!("it takes the mean over {over:?}")),
        };
        self.go_to(&flow)?;
        self.push(layer)?;
        let keeps = node.int("keepdims").unwrap_or(1) == 1;
        let axes = without(&flow.axes, &means, keeps);
        self.give_flow(node, axes);
        Ok(())
    }
}

/// Axes without some of them, or with ones in their places.
fn without(axes: &[Axis], dropped: &[usize], keeps: bool) -> Vec<Axis> {
    let axes = axes.iter().enumerate();
    axes.filter_map(|(place, &axis)| match dropped.contains(&place) {
        true => keeps.then_some(Axis::One),
        false => Some(axis),
    })
    .collect()
}

/// The place of an axis that may be counted from the end.
pub(super) fn place_of(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 {
        axis.checked_add(rank as i64)?
    } else {
        axis
    };
    usize::try_from(axis).ok().filter(|&place| place < rank)
}
