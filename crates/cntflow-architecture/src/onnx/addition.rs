//! `Add`: two branches, learned positions, or a step of a recurrence.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{Add, Layer, PositionEmbedding};

use super::axes::Axis;
use super::flow::Flow;
use super::translator::Translator;
use super::value::Value;
use super::weight::Weight;
use crate::error::{Translated, unsupported};

impl<'a> Translator<'_, 'a> {
    /// An addition, by what is added to what.
    pub(super) fn add(&mut self, node: &Node<'a>) -> Translated<()> {
        match (self.value(node, 0)?.clone(), self.value(node, 1)?.clone()) {
            (Value::Flow(first), Value::Flow(second)) => self.sum(node, first, second),
            (Value::Flow(flow), Value::Weight(weight))
            | (Value::Weight(weight), Value::Flow(flow)) => {
                self.position_embedding(node, flow, &weight)
            }
            (Value::StateProduct(product), Value::View(step))
            | (Value::View(step), Value::StateProduct(product)) => {
                self.add_step(node, product, &step)
            }
            (Value::Weight(weight), Value::View(step))
            | (Value::View(step), Value::Weight(weight)) => {
                self.add_first_step(node, weight, &step)
            }
            _ => Err(unsupported("it adds what is neither data nor a weight")),
        }
    }

    /// A learned vector added to every step of a sequence.
    fn position_embedding(
        &mut self,
        node: &Node<'a>,
        flow: Flow,
        weight: &Weight<'a>,
    ) -> Translated<()> {
        let is_per_step = match flow.axes[..] {
            [Axis::Batch, Axis::Steps(steps), Axis::Units(units)] => {
                let outer = weight.shape.iter().rev().skip(2);
                let is_repeated = outer.into_iter().all(|&size| size == 1);
                weight.shape.ends_with(&[steps as usize, units as usize])
                    && weight.shape.len() <= 3
                    && is_repeated
            }
            _ => false,
        };
        if !is_per_step {
            return Err(unsupported(format!(
                "a weight {:?} is added to {:?}: that is no embedding of positions",
                weight.shape, flow.axes
            )));
        }
        self.continue_from(&flow);
        let name = self.builder.unique_name(weight.name());
        self.set_weight(name.clone(), weight)?;
        let layer = Layer::PositionEmbedding(PositionEmbedding { name });
        self.builder.add_layer(layer);
        self.set_layer_output(node, flow.axes);
        Ok(())
    }

    /// The sum of two branches: the later one continues, the earlier one is referred to.
    fn sum(&mut self, node: &Node<'a>, first: Flow, second: Flow) -> Translated<()> {
        if first.axes != second.axes {
            return Err(unsupported(format!(
                "it adds {:?} to {:?}, but only data of the same shape can be added",
                second.axes, first.axes
            )));
        }
        let (last, earlier) = if first.n_layers >= second.n_layers {
            (first, second)
        } else {
            (second, first)
        };
        self.continue_from(&last);
        self.builder.add_layer(Layer::Add(Add {
            name: String::new(),
            from: self.builder.output_name(earlier.n_layers),
            activation: None,
        }));
        self.set_layer_output(node, last.axes);
        Ok(())
    }
}
