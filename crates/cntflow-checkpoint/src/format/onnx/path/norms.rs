//! Normalisations.

use serde_json::json;

use super::super::proto::Node;
use super::axes::Axis;
use super::shapes::place_of;
use super::{Path, Told};
use crate::{Excerpt, Fill};

/// ONNX's default.
const EPSILON: f32 = 1e-5;

/// The number that a float of 32 bits was written for: 1e-5, not 9.99999974737875e-6.
fn written(value: f32) -> Told<f64> {
    let shortest = value.to_string().parse();
    shortest.map_err(|_| format!("its epsilon is {value}"))
}

impl<'m, 'a> Path<'m, 'a> {
    pub(super) fn batch_norm(&mut self, node: &Node<'a>) -> Told<()> {
        let flow = self.flow(node, 0)?;
        if node.int("training_mode").unwrap_or(0) != 0 {
            self.doubts.push(format!(
                "node {} is of training, and taken as it is at inference",
                node.shown()
            ));
        }
        let (Some(Axis::Channels(n) | Axis::Units(n)), Some(Axis::Batch)) =
            (flow.axes.get(1), flow.axes.first())
        else {
            return Err(format!("it normalises {:?}", flow.axes));
        };
        let mut tensors = Vec::new();
        for place in 1..5 {
            let tensor = self.weight(node, place)?;
            if tensor.shape[..] != [*n as usize] {
                return Err(format!(
                    "its input {place} has shape {:?}, there are {n} channels",
                    tensor.shape
                ));
            }
            tensors.push(tensor);
        }
        let epsilon = written(node.float("epsilon").unwrap_or(EPSILON))?;
        self.go_to(&flow)?;
        let name = self.name(&[tensors[0].name, tensors[1].name], node);
        self.push(json!({"kind": "batch_norm", "name": name, "epsilon": epsilon}))?;
        for (tensor, own) in tensors
            .iter()
            .zip(["weight", "bias", "running_mean", "running_var"])
        {
            self.fill(
                format!("{name}.{own}"),
                Fill::Tensor(Excerpt::whole(tensor.name)),
            );
        }
        self.give_flow(node, flow.axes);
        Ok(())
    }

    pub(super) fn layer_norm(&mut self, node: &Node<'a>) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let axis = node.int("axis").unwrap_or(-1);
        let first =
            place_of(axis, flow.axes.len()).ok_or_else(|| format!("it has no axis {axis}"))?;
        let over = &flow.axes[first..];
        let of_steps = matches!(over, [Axis::Units(_)]);
        let of_all = first == 1 && flow.axes[0] == Axis::Batch && !over.contains(&Axis::One);
        let is_sequence = flow.axes.iter().any(|axis| matches!(axis, Axis::Steps(_)));
        if !of_steps && (!of_all || is_sequence) {
            return Err(format!("it normalises {over:?} of {:?}", flow.axes));
        }
        let sizes: Vec<usize> = over.iter().filter_map(|axis| axis.size()).collect();
        let scale = self.weight(node, 1)?;
        let bias = match self.has(node, 2) {
            true => Some(self.weight(node, 2)?),
            false => None,
        };
        for tensor in [Some(&scale), bias.as_ref()].into_iter().flatten() {
            if tensor.shape != sizes {
                return Err(format!(
                    "{} has shape {:?}, it normalises {sizes:?}",
                    tensor.name, tensor.shape
                ));
            }
        }
        let epsilon = written(node.float("epsilon").unwrap_or(EPSILON))?;
        let bias_name = bias.as_ref().map_or("", |bias| bias.name);
        self.go_to(&flow)?;
        let name = self.name(&[scale.name, bias_name], node);
        self.push(
            json!({"kind": "layer_norm", "name": name, "epsilon": epsilon, "bias": bias.is_some()}),
        )?;
        self.fill(format!("{name}.weight"), Fill::Tensor(scale.excerpt()));
        if let Some(bias) = bias {
            self.fill(format!("{name}.bias"), Fill::Tensor(bias.excerpt()));
        }
        self.give_flow(node, flow.axes);
        Ok(())
    }
}
