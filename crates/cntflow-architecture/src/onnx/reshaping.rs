//! Nodes that lay out data or weights anew: transposed, merged, split, with axes of size 1 added or
//! dropped.

use cntflow_formats::onnx::node::Node;
use cntflow_network::Layer;

use super::axes::{Axis, Reshaped, axis_index, reshaped};
use super::dense::simplified;
use super::flow::Flow;
use super::strided_view::{MAX_RANK, StridedView};
use super::symbolic::SymbolicInt;
use super::translator::Translator;
use super::value::Value;
use super::weight::{Weight, n_values};
use crate::error::{Translated, unsupported};

impl<'a> Translator<'_, 'a> {
    /// A node that changes nothing at inference.
    pub(super) fn identity(&mut self, node: &Node<'a>) -> Translated<()> {
        let value = self.value(node, 0)?.clone();
        self.set_output(node, 0, value);
        Ok(())
    }

    pub(super) fn transpose(&mut self, node: &Node<'a>) -> Translated<()> {
        let order = node.ints("perm");
        let value = match self.value(node, 0)? {
            Value::Weight(weight) if weight.shape.len() == 2 => match order.as_deref() {
                None | Some([1, 0]) => Value::Weight(weight.transpose()),
                _ => Value::Weight(weight.clone()),
            },
            Value::Flow(flow) => {
                let axes = permuted(&flow.axes, order.as_deref())?;
                let n_layers = flow.n_layers;
                Value::Flow(Flow { n_layers, axes })
            }
            Value::View(view) => {
                let order = order.unwrap_or_else(|| (0..view.dims.len() as i64).rev().collect());
                let transposed = view.transposed(&order);
                simplified(transposed.ok_or_else(|| no_order(&order))?)
            }
            Value::Zeros(sizes) => Value::Zeros(permuted(sizes, order.as_deref())?),
            _ => {
                return Err(unsupported(
                    "it transposes what is neither data nor a matrix",
                ));
            }
        };
        self.set_output(node, 0, value);
        Ok(())
    }

    pub(super) fn reshape(&mut self, node: &Node<'a>) -> Translated<()> {
        let target = self.integers(node, 1)?;
        // Unless ONNX is told otherwise, a size of 0 copies that of the data.
        let zero_copies = node.int("allowzero").unwrap_or(0) == 0;
        let value = match self.value(node, 0)? {
            Value::View(view) => reshaped_view(view, &target, zero_copies)?,
            Value::Weight(weight) => reshaped_weight(weight, &target, zero_copies)?,
            _ => return self.reshape_data(node, &target, zero_copies),
        };
        self.set_output(node, 0, value);
        Ok(())
    }

    pub(super) fn flatten(&mut self, node: &Node<'a>) -> Translated<()> {
        match node.int("axis").unwrap_or(1) {
            1 => {
                let target = [SymbolicInt::Fixed(0), SymbolicInt::Fixed(-1)];
                self.reshape_data(node, &target, true)
            }
            axis => Err(unsupported(format!("it flattens from axis {axis}, not 1"))),
        }
    }

    /// Reshapes plain data: its axes are merged, which may flatten it, or else split as those of a
    /// view.
    fn reshape_data(
        &mut self,
        node: &Node<'a>,
        target: &[SymbolicInt],
        zero_copies: bool,
    ) -> Translated<()> {
        let flow = self.flow(node, 0)?;
        let sizes: Option<Vec<i64>> = target.iter().map(|&size| written_size(size)).collect();
        let merged = sizes
            .and_then(|sizes| reshaped(&flow.axes, &sizes, self.batch, zero_copies))
            .filter(|merged| merged.axes.len() <= MAX_RANK);
        let Some(Reshaped { axes, flattened }) = merged else {
            let view = self.view_of(&flow);
            let view = view.map_err(|_| no_reshape(&flow.axes, target))?;
            let value = reshaped_view(&view, target, zero_copies)?;
            self.set_output(node, 0, value);
            return Ok(());
        };
        if !flattened {
            let n_layers = flow.n_layers;
            self.set_output(node, 0, Value::Flow(Flow { n_layers, axes }));
            return Ok(());
        }
        if axes[0] != Axis::Batch {
            return Err(unsupported(
                "it flattens data whose first axis is not the batch",
            ));
        }
        self.continue_from(&flow);
        self.builder.add_layer(Layer::Flatten);
        self.set_layer_output(node, axes);
        Ok(())
    }

    /// Indices of the axes that an operator names: in its second input, or in an attribute before
    /// opset 13.
    pub(super) fn named_axes(
        &self,
        node: &Node<'a>,
        rank: usize,
    ) -> Translated<Option<Vec<usize>>> {
        let axes = self.axes_argument(node)?;
        let indices = axes.map(|axes| {
            let indices = axes.iter().map(|&axis| axis_index(axis, rank));
            let indices: Translated<Vec<usize>> = indices.collect();
            indices.map_err(|_| unsupported(format!("it has no axes {axes:?}")))
        });
        indices.transpose()
    }

    fn axes_argument(&self, node: &Node<'a>) -> Translated<Option<Vec<i64>>> {
        if self.has_input(node, 1) {
            self.fixed_integers(node, 1).map(Some)
        } else {
            Ok(node.ints("axes"))
        }
    }

    /// Drops axes of size 1: those that are named, or all.
    pub(super) fn squeeze(&mut self, node: &Node<'a>) -> Translated<()> {
        let value = match self.value(node, 0)?.clone() {
            Value::View(view) => {
                let dropped = self.named_axes(node, view.dims.len())?;
                let squeezed = view.squeezed(dropped.as_deref());
                simplified(squeezed.ok_or_else(|| {
                    unsupported(format!(
                        "it drops an axis that is larger than 1, of {:?}",
                        view.dims
                    ))
                })?)
            }
            Value::Zeros(sizes) => {
                let dropped = self.named_axes(node, sizes.len())?;
                let is_one = |&size: &SymbolicInt| size == SymbolicInt::Fixed(1);
                Value::Zeros(without_ones(&sizes, dropped.as_deref(), is_one)?)
            }
            Value::Weight(weight) => {
                let dropped = self.named_axes(node, weight.shape.len())?;
                let shape = without_ones(&weight.shape, dropped.as_deref(), |&size| size == 1)?;
                weight_of_shape(&weight, shape)?
            }
            _ => {
                let Flow { n_layers, axes } = self.flow(node, 0)?;
                let dropped = self.named_axes(node, axes.len())?;
                // An axis with a meaning is dropped only if it is named.
                let is_one = |axis: &Axis| {
                    *axis == Axis::One || (dropped.is_some() && axis.size() == Some(1))
                };
                let axes = without_ones(&axes, dropped.as_deref(), is_one)?;
                Value::Flow(Flow { n_layers, axes })
            }
        };
        self.set_output(node, 0, value);
        Ok(())
    }

    /// Adds axes of size 1.
    pub(super) fn unsqueeze(&mut self, node: &Node<'a>) -> Translated<()> {
        let n_added = self.axes_argument(node)?.unwrap_or_default().len();
        let value = self.value(node, 0)?.clone();
        let rank = match &value {
            Value::View(view) => view.dims.len(),
            Value::Zeros(sizes) => sizes.len(),
            Value::Weight(weight) => weight.shape.len(),
            _ => self.flow(node, 0)?.axes.len(),
        };
        let rank = rank + n_added;
        if rank > MAX_RANK {
            return Err(unsupported(format!(
                "it makes {rank} axes, at most {MAX_RANK} are followed"
            )));
        }
        let mut added = self.named_axes(node, rank)?.unwrap_or_default();
        added.sort_unstable();
        let value = match value {
            Value::View(view) => {
                let view = view.unsqueezed(&added);
                simplified(view.ok_or_else(|| unsupported(format!("it adds axes {added:?}")))?)
            }
            Value::Zeros(sizes) => Value::Zeros(with_ones(sizes, &added, SymbolicInt::Fixed(1))?),
            Value::Weight(weight) => {
                let shape = with_ones(weight.shape.clone(), &added, 1)?;
                weight_of_shape(&weight, shape)?
            }
            _ => {
                let Flow { n_layers, axes } = self.flow(node, 0)?;
                let axes = with_ones(axes, &added, Axis::One)?;
                Value::Flow(Flow { n_layers, axes })
            }
        };
        self.set_output(node, 0, value);
        Ok(())
    }
}

fn reshaped_view<'a>(
    view: &StridedView,
    target: &[SymbolicInt],
    zero_copies: bool,
) -> Translated<Value<'a>> {
    let reshaped = view.reshaped(target, zero_copies);
    let reshaped = reshaped.ok_or_else(|| no_reshape(&view.dims, target))?;
    Ok(simplified(reshaped))
}

fn no_reshape(
    before: impl std::fmt::Debug,
    target: &[SymbolicInt],
) -> crate::error::TranslationError {
    unsupported(format!(
        "data of {before:?} cannot be reshaped to {target:?}"
    ))
}

/// A size as a reshape has it, where -1 stands for the size of the batch.
fn written_size(size: SymbolicInt) -> Option<i64> {
    match size {
        SymbolicInt::Fixed(n) => Some(n),
        SymbolicInt::BatchMultiple(1) => Some(-1),
        SymbolicInt::BatchMultiple(_) => None,
    }
}

fn weight_of_shape<'a>(weight: &Weight<'a>, shape: Vec<usize>) -> Translated<Value<'a>> {
    let reshaped = weight.reshaped(shape);
    reshaped.map(Value::Weight).ok_or_else(|| {
        unsupported(format!(
            "a weight {:?} is reshaped in a way that is not known",
            weight.shape
        ))
    })
}

fn reshaped_weight<'a>(
    weight: &Weight<'a>,
    target: &[SymbolicInt],
    zero_copies: bool,
) -> Translated<Value<'a>> {
    let mut open = None;
    let mut shape = Vec::new();
    for (index, size) in target.iter().enumerate() {
        shape.push(match size {
            SymbolicInt::Fixed(0) if zero_copies => weight.shape.get(index).copied().unwrap_or(0),
            SymbolicInt::Fixed(-1) if open.is_none() => {
                open = Some(index);
                1
            }
            // A negative size, or one that depends on the batch, fits no weight: it becomes 0,
            // which `weight_of_shape` refuses.
            size => {
                let size = size.fixed().and_then(|n| usize::try_from(n).ok());
                size.unwrap_or(0)
            }
        });
    }
    if let Some(index) = open {
        let others = shape
            .iter()
            .try_fold(1_usize, |n, &size| n.checked_mul(size));
        let all = n_values(&weight.shape);
        shape[index] = others.and_then(|n| all.checked_div(n)).unwrap_or(0);
    }
    weight_of_shape(weight, shape)
}

fn no_order(order: &[i64]) -> crate::error::TranslationError {
    unsupported(format!("{order:?} is no order of its axes"))
}

/// Axes in another order; reversed where none is given.
fn permuted<T: Copy>(axes: &[T], order: Option<&[i64]>) -> Translated<Vec<T>> {
    let reversed: Vec<i64> = (0..axes.len() as i64).rev().collect();
    let order = order.unwrap_or(&reversed);
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    let axis = |&index: &i64| axes.get(usize::try_from(index).ok()?).copied();
    let permuted: Option<Vec<T>> = order.iter().map(axis).collect();
    let permuted = permuted.filter(|_| sorted.into_iter().eq(0..axes.len() as i64));
    permuted.ok_or_else(|| no_order(order))
}

/// Axes without those of size 1: those at the given indices, or all.
fn without_ones<T: Copy + std::fmt::Debug>(
    axes: &[T],
    dropped: Option<&[usize]>,
    is_one: impl Fn(&T) -> bool,
) -> Translated<Vec<T>> {
    let mut kept = Vec::new();
    for (index, axis) in axes.iter().enumerate() {
        let is_dropped = dropped.map_or(is_one(axis), |dropped| dropped.contains(&index));
        if !is_dropped {
            kept.push(*axis);
        } else if !is_one(axis) {
            return Err(unsupported(format!(
                "it drops {axis:?}, an axis that is larger than 1"
            )));
        }
    }
    Ok(kept)
}

/// Axes with ones at these indices of the result, which ascend.
fn with_ones<T: Copy + std::fmt::Debug>(
    mut axes: Vec<T>,
    added: &[usize],
    one: T,
) -> Translated<Vec<T>> {
    for &index in added {
        if index > axes.len() {
            return Err(unsupported(format!("it adds axis {index} to {axes:?}")));
        }
        axes.insert(index, one);
    }
    Ok(axes)
}
