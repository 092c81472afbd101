//! `ReduceMean`: over the steps of a sequence, over the places of channels, or as the beginning of
//! a composed layer norm.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{GlobalPool, Layer, TakeStep, TakenStep};

use super::axes::{Axis, without};
use super::translator::Translator;
use crate::error::{Translated, unsupported};

impl<'m, 'a> Translator<'m, 'a> {
    pub(super) fn mean(&mut self, node: &'m Node<'a>) -> Translated<()> {
        if self.composed_layer_norm(node)? {
            return Ok(());
        }
        let flow = self.flow(node, 0)?;
        let reduced = self.named_axes(node, flow.axes.len())?.unwrap_or_default();
        let axes = reduced.iter().map(|&axis| flow.axes[axis]);
        let axes: Vec<Axis> = axes.filter(|axis| *axis != Axis::One).collect();
        let has_rows = flow.axes.iter().any(|axis| matches!(axis, Axis::Rows(_)));
        let layer = match axes[..] {
            [Axis::Steps(_)] => {
                let which = TakenStep::Mean;
                Layer::TakeStep(TakeStep { which })
            }
            [Axis::Rows(_), Axis::Columns(_)] | [Axis::Columns(_), Axis::Rows(_)] => {
                Layer::GlobalAveragePool(GlobalPool::default())
            }
            [Axis::Columns(_)] if !has_rows => Layer::GlobalAveragePool(GlobalPool::default()),
            _ => {
                return Err(unsupported(format!(
                    "it takes the mean over {axes:?}, which cannot be expressed"
                )));
            }
        };
        self.continue_from(&flow);
        self.builder.add_layer(layer);
        let keeps_axes = node.int("keepdims").unwrap_or(1) == 1;
        self.set_layer_output(node, without(&flow.axes, &reduced, keeps_axes));
        Ok(())
    }
}
