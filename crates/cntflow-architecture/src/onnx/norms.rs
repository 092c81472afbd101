//! Norms, as operators of their own or composed of several nodes.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{BatchNorm, Layer, LayerNorm};

use super::axes::{Axis, axis_index};
use super::flow::Flow;
use super::translator::Translator;
use super::value::Value;
use super::weight::Weight;
use crate::error::{Translated, unsupported};

/// ONNX's default.
const EPSILON: f32 = 1e-5;

/// The decimal number that a float of 32 bits was written for: 1e-5, not 9.99999974737875e-6.
fn written_epsilon(value: f32) -> Translated<f64> {
    let shortest = value.to_string().parse();
    shortest.map_err(|_| unsupported(format!("its epsilon is {value}")))
}

pub(super) fn epsilon(node: &Node<'_>) -> Translated<f64> {
    written_epsilon(node.float("epsilon").unwrap_or(EPSILON))
}

/// The parameters of a layer norm over the last axes.
#[derive(Clone, Debug)]
struct LayerNormParameters<'a> {
    scale: Option<Weight<'a>>,
    bias: Option<Weight<'a>>,
    epsilon: f64,
}

/// The nodes of a composed layer norm behind its first mean, up to the division.
#[derive(Debug)]
struct ComposedNorm<'m, 'a> {
    /// Nodes between the mean and the division.
    inner: Vec<&'m Node<'a>>,
    /// The node that divides by the standard deviation.
    division: &'m Node<'a>,
    epsilon: f64,
}

impl<'m, 'a> Translator<'m, 'a> {
    pub(super) fn batch_norm(&mut self, node: &Node<'a>) -> Translated<()> {
        let flow = self.flow(node, 0)?;
        if node.int("training_mode").unwrap_or(0) != 0 {
            self.builder.assume(format!(
                "node {} is in training mode: it is taken as at inference",
                node.shown()
            ));
        }
        let [Axis::Batch, Axis::Channels(n) | Axis::Units(n), ..] = flow.axes[..] else {
            let axes = &flow.axes;
            return Err(unsupported(format!("it normalises {axes:?}")));
        };
        let mut weights = Vec::new();
        for input in 1..5 {
            let weight = self.weight(node, input)?;
            if weight.shape[..] != [n as usize] {
                return Err(unsupported(format!(
                    "its input {input} has shape {:?}, there are {n} channels",
                    weight.shape
                )));
            }
            weights.push(weight);
        }
        let epsilon = epsilon(node)?;
        self.continue_from(&flow);
        let name = self.layer_name(&[weights[0].name(), weights[1].name()], node);
        let parameters = ["weight", "bias", "running_mean", "running_var"];
        for (weight, parameter) in weights.iter().zip(parameters) {
            self.set_weight(format!("{name}.{parameter}"), weight)?;
        }
        self.builder.add_layer(Layer::BatchNorm(BatchNorm {
            name,
            epsilon,
            affine: true,
            activation: None,
        }));
        self.set_layer_output(node, flow.axes);
        Ok(())
    }

    pub(super) fn layer_norm(&mut self, node: &Node<'a>) -> Translated<()> {
        let flow = self.flow(node, 0)?;
        let axis = node.int("axis").unwrap_or(-1);
        let first = axis_index(axis, flow.axes.len())?;
        let normalised = &flow.axes[first..];
        let is_over_units = matches!(normalised, [Axis::Units(_)]);
        let is_over_all =
            first == 1 && flow.axes[0] == Axis::Batch && !normalised.contains(&Axis::One);
        let is_sequence = flow.axes.iter().any(|axis| matches!(axis, Axis::Steps(_)));
        if !is_over_units && (!is_over_all || is_sequence) {
            return Err(unsupported(format!(
                "it normalises {normalised:?} of {:?}",
                flow.axes
            )));
        }
        let sizes: Vec<usize> = normalised.iter().filter_map(|axis| axis.size()).collect();
        let parameters = LayerNormParameters {
            bias: self.optional_weight(node, 2)?,
            scale: Some(self.weight(node, 1)?),
            epsilon: epsilon(node)?,
        };
        self.push_layer_norm(node, &flow, &sizes, &parameters)?;
        self.set_layer_output(node, flow.axes);
        Ok(())
    }

    fn push_layer_norm(
        &mut self,
        node: &Node<'a>,
        flow: &Flow,
        sizes: &[usize],
        parameters: &LayerNormParameters<'a>,
    ) -> Translated<()> {
        let weights = [parameters.scale.as_ref(), parameters.bias.as_ref()];
        for weight in weights.into_iter().flatten() {
            if weight.shape != sizes {
                return Err(unsupported(format!(
                    "{} has shape {:?}, it normalises {sizes:?}",
                    weight.name(),
                    weight.shape
                )));
            }
        }
        let names: Vec<&str> = weights.into_iter().flatten().map(Weight::name).collect();
        self.continue_from(flow);
        let name = self.layer_name(&names, node);
        for (weight, parameter) in weights.into_iter().zip(["weight", "bias"]) {
            if let Some(weight) = weight {
                self.set_weight(format!("{name}.{parameter}"), weight)?;
            }
        }
        self.builder.add_layer(Layer::LayerNorm(LayerNorm {
            name,
            epsilon: parameters.epsilon,
            affine: parameters.scale.is_some(),
            bias: parameters.bias.is_some(),
            activation: None,
        }));
        Ok(())
    }

    /// Translates a layer norm that is written as several nodes, from the first of them, its mean;
    /// says whether it is one.
    pub(super) fn composed_layer_norm(&mut self, mean: &'m Node<'a>) -> Translated<bool> {
        let Some(norm) = self.find_composed_norm(mean) else {
            return Ok(false);
        };
        let flow = self.flow(mean, 0)?;
        let Some(&Axis::Units(units)) = flow.axes.last() else {
            return Ok(false);
        };
        // A scale and a bias may follow, the bias only behind a scale.
        let with_weight = |node: &'m Node<'a>, operator: &str| {
            let next = self.next(node, operator)?;
            Some((next, self.any_weight(next)?))
        };
        let scaled = with_weight(norm.division, "Mul");
        let shifted = scaled
            .as_ref()
            .and_then(|(scaling, _)| with_weight(scaling, "Add"));
        let scaling = scaled.as_ref().map(|(node, _)| *node);
        let shift = shifted.as_ref().map(|(node, _)| *node);
        let last = shift.or(scaling).unwrap_or(norm.division);
        let parameters = LayerNormParameters {
            epsilon: written_epsilon(norm.epsilon as f32)?,
            scale: scaled.map(|(_, weight)| weight),
            bias: shifted.map(|(_, weight)| weight),
        };
        self.push_layer_norm(mean, &flow, &[units as usize], &parameters)?;
        let absorbed = norm.inner.into_iter().chain(scaling);
        for node in absorbed.chain([mean, norm.division]) {
            self.set_output(node, 0, Value::Absorbed);
        }
        self.set_layer_output(last, flow.axes);
        Ok(true)
    }

    /// The nodes behind a mean that compute `(x - mean) / sqrt(mean((x - mean)^2) + epsilon)` over
    /// the last axis.
    fn find_composed_norm(&self, mean: &'m Node<'a>) -> Option<ComposedNorm<'m, 'a>> {
        let rank = self.flow(mean, 0).ok()?.axes.len();
        let is_over_last = |node: &Node<'a>| {
            let axes = self.named_axes(node, rank).ok().flatten();
            node.operator == "ReduceMean"
                && axes.is_some_and(|axes| axes == [rank - 1])
                && node.int("keepdims").unwrap_or(1) == 1
        };
        let output = |node: &Node<'a>| node.outputs.first().copied();
        let centring = self.next(mean, "Sub").filter(|_| is_over_last(mean))?;
        if centring.inputs[..] != [*mean.inputs.first()?, output(mean)?] {
            return None;
        }
        let centred = output(centring)?;
        let (division, square) = self.division_and_square(centred)?;
        let is_square = match square.operator {
            "Pow" => square.inputs.first() == Some(&centred) && self.scalar(square, 1) == Some(2.0),
            "Mul" => square.inputs[..] == [centred, centred],
            _ => false,
        };
        let variance = self
            .next(square, "ReduceMean")
            .filter(|node| is_square && is_over_last(node))?;
        let epsilon_addition = self.next(variance, "Add")?;
        let epsilon = self
            .scalar(epsilon_addition, 0)
            .or_else(|| self.scalar(epsilon_addition, 1))?;
        let root = self.next(epsilon_addition, "Sqrt")?;
        let divides = division.inputs[..] == [centred, output(root)?];
        divides.then(|| ComposedNorm {
            inner: vec![centring, square, variance, epsilon_addition, root],
            division,
            epsilon,
        })
    }

    /// The two nodes that take centred data: the division, and the one that squares it.
    fn division_and_square(&self, centred: &str) -> Option<(&'m Node<'a>, &'m Node<'a>)> {
        let node = |&index: &usize| &self.model.graph().nodes[index];
        match self.consumers.get(centred)?[..] {
            [ref first, ref second] => match (node(first), node(second)) {
                (first, second) if first.operator == "Div" => Some((first, second)),
                (first, second) if second.operator == "Div" => Some((second, first)),
                _ => None,
            },
            _ => None,
        }
    }
}
