//! What joins values: class tokens before a sequence, the states of an unrolled recurrence, and pieces of weights.

use serde_json::json;

use super::axes::Axis;
use super::number::Number;
use super::shapes::place_of;
use super::weight::Weight;
use super::{Flow, Known, Path, Told};
use cntflow_formats::onnx::node::Node;

impl<'m, 'a> Path<'m, 'a> {
    pub(super) fn concat(&mut self, node: &Node<'a>) -> Told<()> {
        let known = (0..node.inputs.len()).map(|place| self.known(node, place).cloned());
        let known = known.collect::<Told<Vec<_>>>()?;
        let axis = node.int("axis").unwrap_or(0);
        match &known[..] {
            [
                Known::Token(token) | Known::Weight(token),
                Known::Flow(flow),
            ] => {
                let (token, flow) = (token.clone(), flow.clone());
                return self.class_token(node, &token, flow, axis);
            }
            [Known::State(_), ..] => {
                let states = known.into_iter().map(|known| match known {
                    Known::State(state) => Some(state),
                    _ => None,
                });
                let states: Option<Vec<_>> = states.collect();
                let states = states.ok_or("it joins states of a recurrence with something else")?;
                return self.states(node, &states);
            }
            _ => {}
        }
        let weights = known.iter().map(|known| match known {
            Known::Weight(weight) => Some(weight.clone()),
            _ => None,
        });
        let weights: Option<Vec<Weight<'a>>> = weights.collect();
        let weights = weights.ok_or("it joins data in a way that is not known")?;
        let rank = weights.first().map_or(0, |weight| weight.shape.len());
        let joined = place_of(axis, rank).and_then(|place| Weight::joined(&weights, place));
        let joined = joined.ok_or("it joins weights in a way that is not known")?;
        self.give(node, 0, Known::Weight(joined));
        Ok(())
    }

    /// A learned vector before the steps of a sequence.
    fn class_token(
        &mut self,
        node: &Node<'a>,
        token: &Weight<'a>,
        flow: Flow,
        axis: i64,
    ) -> Told<()> {
        let [Axis::Batch, Axis::Steps(steps), Axis::Units(units)] = flow.axes[..] else {
            return Err(format!(
                "a weight {:?} stands before {:?}",
                token.shape, flow.axes
            ));
        };
        let is_token = token.shape[..] == [1, 1, units as usize];
        if !is_token || place_of(axis, 3) != Some(1) {
            return Err(format!(
                "a weight {:?} stands before {:?} along axis {axis}",
                token.shape, flow.axes
            ));
        }
        let fill = self.filled(token)?;
        self.go_to(&flow)?;
        let name = self.unique(token.name().to_owned());
        self.push(json!({"kind": "class_token", "name": name}))?;
        self.fill(name, fill);
        self.give_flow(
            node,
            vec![Axis::Batch, Axis::Steps(steps + 1), Axis::Units(units)],
        );
        Ok(())
    }

    /// Zeros of a size, or a learned vector for every input.
    pub(super) fn expand(&mut self, node: &Node<'a>) -> Told<()> {
        if self.is_zeros(node, 0)
            && matches!(self.known(node, 0)?, Known::Weight(weight) if weight.shape.len() < 2)
        {
            return self.zeros(node);
        }
        let (weight, sizes) = match self.known(node, 0)? {
            Known::Weight(weight) => (weight.clone(), self.sizes(node, 1)?),
            _ => return self.zeros(node),
        };
        let same = |(&size, wanted): (&usize, &Number)| {
            let size = i64::try_from(size).map(Number::Known);
            size == Ok(*wanted) || [Number::Known(1), Number::Known(-1)].contains(wanted)
        };
        let of_inputs =
            sizes.first() == Some(&self.batch_size()) && weight.shape.first() == Some(&1);
        let others = weight.shape.iter().zip(&sizes).skip(1).all(same);
        match weight.shape.len() == sizes.len() && of_inputs && others {
            true => self.give(node, 0, Known::Token(weight)),
            false => return self.zeros(node),
        }
        Ok(())
    }
}
