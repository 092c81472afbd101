//! Activations: operators of their own, and those that exporters compose of several nodes.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{Activate, Activation, Layer};

use super::axes::{Axis, axis_index};
use super::translator::Translator;
use super::value::Value;
use crate::error::{Translated, unsupported};

/// Largest difference of a parameter from the one that architectures have.
const PARAMETER_TOLERANCE: f32 = 1e-6;

/// Largest difference of a factor from the one of a composed activation.
const FACTOR_TOLERANCE: f64 = 1e-6;

/// An activation that is composed of several nodes, with the last of them.
type Composed<'m, 'a> = (&'m Node<'a>, Activation);

impl<'m, 'a> Translator<'m, 'a> {
    pub(super) fn activation(&mut self, node: &'m Node<'a>) -> Translated<()> {
        if let Some((last, activation)) = self.composed_activation(node) {
            return self.push_activation(node, last, activation);
        }
        let activation = own_activation(node)?;
        if activation == Activation::Softmax {
            self.check_softmax(node)?;
        }
        self.push_activation(node, node, activation)
    }

    /// Adds the activation of the data that `first` takes, as the output of `last`.
    fn push_activation(
        &mut self,
        first: &Node<'a>,
        last: &Node<'a>,
        activation: Activation,
    ) -> Translated<()> {
        let data_input = (0..first.inputs.len()).find(|&input| self.flow(first, input).is_ok());
        let flow = self.flow(first, data_input.unwrap_or(0))?;
        self.continue_from(&flow);
        self.builder.add_layer(Layer::Activation(Activate {
            name: String::new(),
            activation,
        }));
        self.set_layer_output(last, flow.axes);
        Ok(())
    }

    /// Checks that a softmax is taken over units.
    fn check_softmax(&self, node: &Node<'a>) -> Translated<()> {
        let axes = self.flow(node, 0)?.axes;
        let axis = node.int("axis").unwrap_or(-1);
        match axis_index(axis, axes.len()).map(|axis| axes[axis]) {
            Ok(Axis::Units(_)) => Ok(()),
            _ => Err(unsupported(format!(
                "it is taken over axis {axis} of {axes:?}"
            ))),
        }
    }

    /// An activation that begins with this node and is composed of several.
    fn composed_activation(&mut self, node: &'m Node<'a>) -> Option<Composed<'m, 'a>> {
        match node.operator {
            "Sigmoid" => Some((self.product_with_input(node, node)?, Activation::Silu)),
            "HardSigmoid" => {
                let slope = node.float("alpha").unwrap_or(0.2);
                let offset = node.float("beta").unwrap_or(0.5);
                let is_hardswish = (slope - 1.0 / 6.0).abs() < PARAMETER_TOLERANCE && offset == 0.5;
                let product = self.product_with_input(node, node)?;
                is_hardswish.then_some((product, Activation::Hardswish))
            }
            "Div" | "Mul" => self.composed_gelu(node),
            _ => None,
        }
    }

    /// The product of a node's output with the data that `first` takes.
    fn product_with_input(&self, node: &Node<'a>, first: &Node<'a>) -> Option<&'m Node<'a>> {
        let output = node.outputs.first()?;
        let product = self.next(node, "Mul")?;
        let data = first
            .inputs
            .iter()
            .find(|name| matches!(self.values.get(*name), Some(Value::Flow(_))))?;
        let takes = |name: &&str| product.inputs.contains(name);
        (takes(output) && takes(data)).then_some(product)
    }

    /// GELU as `0.5 x (1 + erf(x / sqrt(2)))`: scaled, its erf, one added, the product with x,
    /// halved.
    fn composed_gelu(&mut self, scaling: &'m Node<'a>) -> Option<Composed<'m, 'a>> {
        let has_factor = |node: &Node<'a>, expected: f64| {
            let factor = (0..2).find_map(|input| self.scalar(node, input));
            factor.is_some_and(|factor| (factor - expected).abs() < FACTOR_TOLERANCE)
        };
        let is_scaled = if scaling.operator == "Div" {
            has_factor(scaling, std::f64::consts::SQRT_2)
        } else {
            has_factor(scaling, std::f64::consts::FRAC_1_SQRT_2)
        };
        let erf = self.next(scaling, "Erf")?;
        let addition = self.next(erf, "Add")?;
        if !is_scaled || !has_factor(addition, 1.0) {
            return None;
        }
        let product = self.product_with_input(addition, scaling)?;
        let halving = self.next(product, "Mul")?;
        if !has_factor(halving, 0.5) {
            return None;
        }
        for node in [scaling, erf, addition, product] {
            self.set_output(node, 0, Value::Absorbed);
        }
        Some((halving, Activation::Gelu))
    }
}

/// The activation that a node is on its own.
pub(super) fn own_activation(node: &Node<'_>) -> Translated<Activation> {
    Ok(match node.operator {
        "Relu" => Activation::Relu,
        "Sigmoid" => Activation::Sigmoid,
        "Tanh" => Activation::Tanh,
        "Softplus" => Activation::Softplus,
        "HardSwish" => Activation::Hardswish,
        "LeakyRelu" => {
            check_parameter(node, "alpha", 0.01, 0.01)?;
            Activation::LeakyRelu
        }
        "Elu" => {
            check_parameter(node, "alpha", 1.0, 1.0)?;
            Activation::Elu
        }
        "Selu" => {
            check_parameter(node, "alpha", 1.673_263_2, 1.673_263_2)?;
            check_parameter(node, "gamma", 1.050_701, 1.050_701)?;
            Activation::Selu
        }
        "Gelu" if node.text("approximate") == Some("tanh") => Activation::GeluTanh,
        "Gelu" => Activation::Gelu,
        "Softmax" => Activation::Softmax,
        _ => return Err(unsupported("the operator is not known")),
    })
}

/// Checks that an activation's parameter is the one that architectures have.
fn check_parameter(node: &Node<'_>, name: &str, default: f32, expected: f32) -> Translated<()> {
    let found = node.float(name).unwrap_or(default);
    let difference = (found - expected).abs();
    // A NaN is no match either.
    if difference < PARAMETER_TOLERANCE {
        Ok(())
    } else {
        Err(unsupported(format!(
            "its {name} is {found}, {expected} is needed"
        )))
    }
}
