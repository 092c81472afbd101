//! Activations: operators of their own, and those that exporters write as several.

use serde_json::json;

use super::axes::Axis;
use super::shapes::place_of;
use super::{Known, Path, Told};
use cntflow_formats::onnx::node::Node;

impl<'m, 'a> Path<'m, 'a> {
    pub(super) fn activation(&mut self, node: &'m Node<'a>) -> Told<()> {
        if let Some((last, activation)) = self.composed(node) {
            return self.activate(node, last, activation);
        }
        let activation = match node.operator {
            "Relu" => "relu",
            "Sigmoid" => "sigmoid",
            "Tanh" => "tanh",
            "Softplus" => "softplus",
            "HardSwish" => "hardswish",
            "LeakyRelu" => parameter(node, "alpha", 0.01, 0.01, "leaky_relu")?,
            "Elu" => parameter(node, "alpha", 1.0, 1.0, "elu")?,
            "Selu" => {
                parameter(node, "alpha", 1.673_263_2, 1.673_263_2, "selu")?;
                parameter(node, "gamma", 1.050_701, 1.050_701, "selu")?
            }
            "Gelu" => match node.text("approximate").unwrap_or("none") {
                "tanh" => "gelu_tanh",
                _ => "gelu",
            },
            "Softmax" => self.softmax(node)?,
            _ => return Err("the operator is not known".to_owned()),
        };
        self.activate(node, node, activation)
    }

    fn activate(&mut self, first: &Node<'a>, last: &Node<'a>, activation: &str) -> Told<()> {
        let place = (0..first.inputs.len()).find(|&place| self.flow(first, place).is_ok());
        let flow = self.flow(first, place.unwrap_or(0))?;
        self.go_to(&flow)?;
        self.push(json!({"kind": "activation", "activation": activation}))?;
        self.give_flow(last, flow.axes);
        Ok(())
    }

    fn softmax(&self, node: &Node<'a>) -> Told<&'static str> {
        let axes = self.flow(node, 0)?.axes;
        let axis = node.int("axis").unwrap_or(-1);
        match place_of(axis, axes.len()).map(|place| axes[place]) {
            Some(Axis::Units(_)) => Ok("softmax"),
            _ => Err(format!("it is taken over axis {axis} of {axes:?}")),
        }
    }

    /// An activation that is written as several nodes, told by the first of them, and the last.
    fn composed(&mut self, node: &'m Node<'a>) -> Option<(&'m Node<'a>, &'static str)> {
        match node.operator {
            "Sigmoid" => Some((self.times_input(node, node)?, "silu")),
            "HardSigmoid" => {
                let slope = node.float("alpha").unwrap_or(0.2);
                let offset = node.float("beta").unwrap_or(0.5);
                let known = (slope - 1.0 / 6.0).abs() < 1e-6 && offset == 0.5;
                known.then_some((self.times_input(node, node)?, "hardswish"))
            }
            "Div" | "Mul" => self.gelu(node),
            _ => None,
        }
    }

    /// The product of a node's output with the data that `first` takes.
    fn times_input(&self, node: &Node<'a>, first: &Node<'a>) -> Option<&'m Node<'a>> {
        let output = node.outputs.first()?;
        let product = self
            .only_taker(output)
            .filter(|next| next.operator == "Mul")?;
        let data = first
            .inputs
            .iter()
            .find(|name| matches!(self.known.get(*name), Some(Known::Flow(_))))?;
        let takes = |name: &&str| product.inputs.contains(name);
        (takes(output) && takes(data)).then_some(product)
    }

    /// `x / sqrt(2)`, its erf, one more, times x, halved.
    fn gelu(&mut self, node: &'m Node<'a>) -> Option<(&'m Node<'a>, &'static str)> {
        let factor = |node: &Node<'a>| (0..2).find_map(|place| self.scalar(node, place));
        let next = |node: &Node<'a>, operator: &str| {
            let next = self.only_taker(node.outputs.first()?)?;
            (next.operator == operator).then_some(next)
        };
        let is = |found: Option<f64>, expected: f64| {
            found.is_some_and(|found| (found - expected).abs() < 1e-6)
        };
        let scaled = match node.operator {
            "Div" => is(factor(node), std::f64::consts::SQRT_2),
            _ => is(factor(node), std::f64::consts::FRAC_1_SQRT_2),
        };
        let erf = next(node, "Erf")?;
        let one_more = next(erf, "Add")?;
        if !scaled || !is(factor(one_more), 1.0) {
            return None;
        }
        let product = self.times_input(one_more, node)?;
        let halved = next(product, "Mul")?;
        if !is(factor(halved), 0.5) {
            return None;
        }
        for step in [node, erf, one_more, product] {
            self.give(step, 0, Known::Within);
        }
        Some((halved, "gelu"))
    }
}

/// An activation whose parameter is that of architectures.
fn parameter(
    node: &Node<'_>,
    name: &str,
    default: f32,
    expected: f32,
    activation: &'static str,
) -> Told<&'static str> {
    let found = node.float(name).unwrap_or(default);
    match (found - expected).abs() < 1e-6 {
        true => Ok(activation),
        false => Err(format!("its {name} is {found}, {expected} is needed")),
    }
}
