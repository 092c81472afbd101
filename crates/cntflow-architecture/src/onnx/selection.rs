//! Nodes that keep a part of their data: one step of a sequence, some units, parts of weights.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{Layer, TakeStep, TakenStep};

use super::axes::{Axis, axis_index, without};
use super::dense::simplified;
use super::flow::Flow;
use super::strided_view::StridedView;
use super::symbolic::SymbolicInt;
use super::translator::Translator;
use super::value::Value;
use crate::error::{Translated, unsupported};

/// What a `Slice` keeps of one axis. Indices may be counted from the end, or lie beyond it.
#[derive(Clone, Copy, Debug)]
struct SliceRange {
    axis: i64,
    start: i64,
    end: i64,
}

impl SliceRange {
    /// First index and one past the last, of an axis of this size.
    fn bounds(self, size: i64) -> (i64, i64) {
        let size = size.max(0);
        let bound = |index: i64| {
            let from_start = if index < 0 {
                index.saturating_add(size)
            } else {
                index
            };
            from_start.clamp(0, size)
        };
        (bound(self.start), bound(self.end))
    }

    /// Whether everything is kept, whatever the size: exporters write the largest number for an
    /// open end.
    fn is_all(self) -> bool {
        self.start == 0 && self.end >= i64::from(i32::MAX)
    }

    fn cannot_keep(self, of: impl std::fmt::Debug) -> crate::error::TranslationError {
        let Self { axis, start, end } = self;
        unsupported(format!("it keeps {start}..{end} of axis {axis}, {of:?}"))
    }
}

impl<'a> Translator<'_, 'a> {
    /// `Gather`: an embedding, one step of a sequence, or one index of an axis that has been split.
    pub(super) fn gather(&mut self, node: &Node<'a>) -> Translated<()> {
        let axis = node.int("axis").unwrap_or(0);
        if let Value::Weight(weight) = self.value(node, 0)? {
            let weight = weight.clone();
            return self.embedding(node, &weight, axis);
        }
        let indices = self.fixed_integers(node, 1)?;
        let [index] = indices[..] else {
            let n = indices.len();
            return Err(unsupported(format!(
                "it picks {n} indices, one can be expressed"
            )));
        };
        // A list of one index keeps the axis, a scalar drops it.
        let keeps_axis = match self.value(node, 1)? {
            Value::Weight(weight) => !weight.shape.is_empty(),
            _ => false,
        };
        let Value::View(view) = self.value(node, 0)? else {
            let flow = self.flow(node, 0)?;
            return self.take_step(node, &flow, (axis, index), keeps_axis);
        };
        let axis = axis_index(axis, view.dims.len())?;
        let picked = view.picked(axis, index);
        let picked = if keeps_axis {
            picked
        } else {
            picked.and_then(|picked| picked.squeezed(Some(&[axis])))
        };
        let picked = picked.ok_or_else(|| {
            unsupported(format!("it picks index {index} of {:?}", view.dims[axis]))
        })?;
        self.set_output(node, 0, simplified(picked));
        Ok(())
    }

    pub(super) fn slice(&mut self, node: &Node<'a>) -> Translated<()> {
        let range = self.slice_range(node)?;
        let value = match self.value(node, 0)?.clone() {
            Value::View(view) => simplified(sliced_view(view, range)?),
            Value::Zeros(mut sizes) => {
                let axis = axis_index(range.axis, sizes.len())?;
                match sizes[axis] {
                    SymbolicInt::Fixed(size) => {
                        let (start, end) = range.bounds(size);
                        sizes[axis] = SymbolicInt::Fixed((end - start).max(0));
                    }
                    SymbolicInt::BatchMultiple(_) if range.is_all() => {}
                    open => return Err(range.cannot_keep(open)),
                }
                Value::Zeros(sizes)
            }
            Value::Weight(weight) => {
                let axis = axis_index(range.axis, weight.shape.len())?;
                let (start, end) = range.bounds(weight.shape[axis] as i64);
                let cut = weight.cut(axis, start as usize, end as usize);
                Value::Weight(cut.ok_or_else(|| {
                    unsupported(format!(
                        "it keeps {start}..{end} of axis {axis} of a weight {:?}",
                        weight.shape
                    ))
                })?)
            }
            _ => return self.slice_of_data(node, range),
        };
        self.set_output(node, 0, value);
        Ok(())
    }

    /// The one axis that a `Slice` names, and what it keeps of it; in attributes before opset 10.
    fn slice_range(&self, node: &Node<'a>) -> Translated<SliceRange> {
        let several = || unsupported("it slices several axes");
        let input = |input| self.fixed_integer(node, input)?.ok_or_else(several);
        let attribute = |name: &str, default: &[i64]| {
            let list = node.ints(name).unwrap_or_else(|| default.to_vec());
            match list[..] {
                [integer] => Ok(integer),
                _ => Err(several()),
            }
        };
        let range = if self.has_input(node, 1) {
            SliceRange {
                start: input(1)?,
                end: input(2)?,
                axis: if self.has_input(node, 3) {
                    input(3)?
                } else {
                    0
                },
            }
        } else {
            SliceRange {
                start: attribute("starts", &[])?,
                end: attribute("ends", &[])?,
                axis: attribute("axes", &[0])?,
            }
        };
        if self.has_input(node, 4) && input(4)? != 1 {
            return Err(unsupported("it slices in steps"));
        }
        Ok(range)
    }

    /// A slice of plain data: all of it, or one step.
    fn slice_of_data(&mut self, node: &Node<'a>, range: SliceRange) -> Translated<()> {
        let flow = self.flow(node, 0)?;
        let axis = axis_index(range.axis, flow.axes.len())?;
        let size = match flow.axes[axis] {
            Axis::Batch => self.batch,
            axis => Some(axis.size().unwrap_or(1) as i64),
        };
        match size.map(|size| (size, range.bounds(size))) {
            Some((size, (0, end))) if end == size => {}
            None if range.is_all() => {}
            Some((_, (start, end))) if end == start + 1 => {
                return self.take_step(node, &flow, (range.axis, start), true);
            }
            _ => return Err(range.cannot_keep(flow.axes[axis])),
        }
        self.set_output(node, 0, Value::Flow(flow));
        Ok(())
    }

    /// `Split`: a joint projection into queries, keys and values, a sequence into its steps, or a
    /// weight into parts.
    pub(super) fn split(&mut self, node: &Node<'a>) -> Translated<()> {
        let axis = node.int("axis").unwrap_or(0);
        let value = self.value(node, 0)?.clone();
        let (rank, sizes) = match &value {
            Value::View(view) => (view.dims.len(), view.sizes()),
            Value::Weight(weight) => {
                let sizes = weight.shape.iter();
                let sizes = sizes.map(|&size| SymbolicInt::Fixed(size as i64));
                (weight.shape.len(), Some(sizes.collect()))
            }
            _ => return Err(unsupported("it splits what is no part of an attention")),
        };
        let axis = axis_index(axis, rank)?;
        let size = sizes.and_then(|sizes| sizes[axis].fixed());
        let size = size.ok_or_else(|| unsupported("it splits an axis of no known size"))?;
        let mut start = 0;
        for (output, part) in self.part_sizes(node, size)?.into_iter().enumerate() {
            let end = start + part;
            let part = match &value {
                Value::View(view) => view.cut(axis, start, end).map(Value::View),
                Value::Weight(weight) => {
                    let cut = weight.cut(axis, start as usize, end as usize);
                    cut.map(Value::Weight)
                }
                _ => None,
            };
            let part =
                part.ok_or_else(|| unsupported(format!("it keeps {start}..{end} of {size}")))?;
            self.set_output(node, output, part);
            start = end;
        }
        Ok(())
    }

    /// The sizes of the parts of a `Split`, which are together as large as the whole.
    fn part_sizes(&self, node: &Node<'a>, size: i64) -> Translated<Vec<i64>> {
        let n = node.outputs.len() as i64;
        let given = if self.has_input(node, 1) {
            Some(self.fixed_integers(node, 1)?)
        } else {
            node.ints("split")
        };
        let parts = match given {
            Some(parts) => parts,
            None if n > 0 && size % n == 0 => vec![size / n; node.outputs.len()],
            None => {
                let reason = format!("it splits {size} into {n} parts");
                return Err(unsupported(reason));
            }
        };
        let are_positive = parts.iter().all(|part| (1..=size).contains(part));
        let sum = parts
            .iter()
            .try_fold(0_i64, |sum, &part| sum.checked_add(part));
        if !are_positive || sum != Some(size) || parts.len() != node.outputs.len() {
            return Err(unsupported(format!(
                "it splits {size} into {parts:?}, with {n} outputs"
            )));
        }
        Ok(parts)
    }

    /// One index of an axis of plain data: the first or last step of a sequence, or the only index
    /// of an axis of size 1.
    fn take_step(
        &mut self,
        node: &Node<'a>,
        flow: &Flow,
        (axis, index): (i64, i64),
        keeps_axis: bool,
    ) -> Translated<()> {
        let axis = axis_index(axis, flow.axes.len())?;
        let axes = without(&flow.axes, &[axis], keeps_axis);
        if flow.axes[axis] == Axis::One && [0, -1].contains(&index) {
            let n_layers = flow.n_layers;
            self.set_output(node, 0, Value::Flow(Flow { n_layers, axes }));
            return Ok(());
        }
        let Axis::Steps(steps) = flow.axes[axis] else {
            let axis = flow.axes[axis];
            return Err(unsupported(format!("it picks one index of {axis:?}")));
        };
        let which = if index == 0 {
            TakenStep::First
        } else if index == -1 || index == steps - 1 {
            TakenStep::Last
        } else {
            return Err(unsupported(format!(
                "it takes step {index}, neither the first nor the last"
            )));
        };
        self.continue_from(flow);
        self.builder.add_layer(Layer::TakeStep(TakeStep { which }));
        self.set_layer_output(node, axes);
        Ok(())
    }
}

fn sliced_view(view: StridedView, range: SliceRange) -> Translated<StridedView> {
    let axis = axis_index(range.axis, view.dims.len())?;
    let size = view.sizes().and_then(|sizes| sizes[axis].fixed());
    let sliced = match size.map(|size| (size, range.bounds(size))) {
        Some((size, (0, end))) if end == size => return Ok(view),
        None if range.is_all() => return Ok(view),
        Some((_, (start, end))) => view.cut(axis, start, end),
        None => None,
    };
    sliced.ok_or_else(|| range.cannot_keep(&view.dims))
}
