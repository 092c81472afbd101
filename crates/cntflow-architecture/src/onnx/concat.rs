//! Nodes that concatenate values (class tokens and sequences, the states of an unrolled recurrence,
//! pieces of weights), and `Expand`, which repeats a class token for every input.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{ClassToken, Layer};

use super::axes::{Axis, axis_index};
use super::flow::Flow;
use super::symbolic::SymbolicInt;
use super::translator::Translator;
use super::value::Value;
use super::weight::Weight;
use crate::error::{Translated, unsupported};

impl<'a> Translator<'_, 'a> {
    pub(super) fn concat(&mut self, node: &Node<'a>) -> Translated<()> {
        let inputs = 0..node.inputs.len();
        let values = inputs.map(|input| self.value(node, input).cloned());
        let values = values.collect::<Translated<Vec<_>>>()?;
        let axis = node.int("axis").unwrap_or(0);
        match &values[..] {
            [
                Value::RepeatedWeight(token) | Value::Weight(token),
                Value::Flow(flow),
            ] => self.class_token(node, token, flow, axis),
            [Value::State(_), ..] => {
                let states = values.into_iter().map(|value| match value {
                    Value::State(state) => Ok(state),
                    _ => Err(unsupported(
                        "it joins states of a recurrence with something else",
                    )),
                });
                let states = states.collect::<Translated<Vec<_>>>()?;
                self.concat_states(node, &states)
            }
            _ => self.concat_weights(node, &values, axis),
        }
    }

    fn concat_weights(
        &mut self,
        node: &Node<'a>,
        values: &[Value<'a>],
        axis: i64,
    ) -> Translated<()> {
        let weights = values.iter().map(|value| match value {
            Value::Weight(weight) => Ok(weight.clone()),
            _ => Err(unsupported("it joins data in a way that is not known")),
        });
        let weights = weights.collect::<Translated<Vec<_>>>()?;
        let rank = weights.first().map_or(0, |weight| weight.shape.len());
        let whole = axis_index(axis, rank)
            .ok()
            .and_then(|axis| Weight::concatenated(&weights, axis));
        let whole =
            whole.ok_or_else(|| unsupported("it joins weights in a way that is not known"))?;
        self.set_output(node, 0, Value::Weight(whole));
        Ok(())
    }

    /// A learned vector put before the steps of a sequence.
    fn class_token(
        &mut self,
        node: &Node<'a>,
        token: &Weight<'a>,
        flow: &Flow,
        axis: i64,
    ) -> Translated<()> {
        let [Axis::Batch, Axis::Steps(steps), Axis::Units(units)] = flow.axes[..] else {
            return Err(unsupported(format!(
                "a weight {:?} stands before {:?}: that is no class token of a sequence",
                token.shape, flow.axes
            )));
        };
        let is_token = token.shape[..] == [1, 1, units as usize];
        let is_along_steps = axis_index(axis, 3).is_ok_and(|axis| axis == 1);
        if !is_token || !is_along_steps {
            return Err(unsupported(format!(
                "a weight {:?} stands before {:?} along axis {axis}: that is no class token",
                token.shape, flow.axes
            )));
        }
        self.continue_from(flow);
        let name = self.builder.unique_name(token.name());
        self.set_weight(name.clone(), token)?;
        self.builder
            .add_layer(Layer::ClassToken(ClassToken { name }));
        let axes = vec![Axis::Batch, Axis::Steps(steps + 1), Axis::Units(units)];
        self.set_layer_output(node, axes);
        Ok(())
    }

    /// `Expand`: zeros of a size, or a learned vector for every input.
    pub(super) fn expand(&mut self, node: &Node<'a>) -> Translated<()> {
        let Value::Weight(weight) = self.value(node, 0)? else {
            return self.zeros(node);
        };
        if weight.shape.len() < 2 && self.is_zeros(node, 0) {
            return self.zeros(node);
        }
        let weight = weight.clone();
        let sizes = self.integers(node, 1)?;
        if !self.repeats_for_batch(&weight, &sizes) {
            return self.zeros(node);
        }
        self.set_output(node, 0, Value::RepeatedWeight(weight));
        Ok(())
    }

    /// Whether sizes repeat a weight `[1, ...]` for every input, and leave its other dimensions as
    /// they are.
    fn repeats_for_batch(&self, weight: &Weight<'a>, sizes: &[SymbolicInt]) -> bool {
        let is_kept = |(&size, wanted): (&usize, &SymbolicInt)| {
            let size = i64::try_from(size).map(SymbolicInt::Fixed);
            size == Ok(*wanted) || [SymbolicInt::Fixed(1), SymbolicInt::Fixed(-1)].contains(wanted)
        };
        weight.shape.len() == sizes.len()
            && sizes.first() == Some(&self.batch_size())
            && weight.shape.first() == Some(&1)
            && weight.shape.iter().zip(sizes).skip(1).all(is_kept)
    }
}
