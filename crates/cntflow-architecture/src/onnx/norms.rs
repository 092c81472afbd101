//! Normalisations.

use serde_json::json;

use super::axes::Axis;
use super::shapes::place_of;
use super::weight::Weight;
use super::{Flow, Known, Path, Told};
use cntflow_formats::onnx::node::Node;

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
            self.assumptions.push(format!(
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
        let name = self.name(&[tensors[0].name(), tensors[1].name()], node);
        self.push(json!({"kind": "batch_norm", "name": name, "epsilon": epsilon}))?;
        for (tensor, own) in tensors
            .iter()
            .zip(["weight", "bias", "running_mean", "running_var"])
        {
            let fill = self.filled(tensor)?;
            self.fill(format!("{name}.{own}"), fill);
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
        let bias = match self.has(node, 2) {
            true => Some(self.weight(node, 2)?),
            false => None,
        };
        let norm = LayerNorm {
            scale: Some(self.weight(node, 1)?),
            bias,
            epsilon: written(node.float("epsilon").unwrap_or(EPSILON))?,
        };
        self.normalised(node, &flow, &sizes, &norm)?;
        self.give_flow(node, flow.axes);
        Ok(())
    }

    fn normalised(
        &mut self,
        node: &Node<'a>,
        flow: &Flow,
        sizes: &[usize],
        norm: &LayerNorm<'a>,
    ) -> Told<()> {
        let tensors = [norm.scale.as_ref(), norm.bias.as_ref()];
        for tensor in tensors.into_iter().flatten() {
            if tensor.shape != sizes {
                return Err(format!(
                    "{} has shape {:?}, it normalises {sizes:?}",
                    tensor.name(),
                    tensor.shape
                ));
            }
        }
        let recipes = tensors.map(|tensor| tensor.map(|tensor| self.filled(tensor)).transpose());
        let names: Vec<&str> = tensors.into_iter().flatten().map(Weight::name).collect();
        self.go_to(flow)?;
        let name = self.name(&names, node);
        let (affine, bias) = (norm.scale.is_some(), norm.bias.is_some());
        self.push(json!({
            "kind": "layer_norm", "name": name, "epsilon": norm.epsilon, "affine": affine, "bias": bias,
        }))?;
        for (own, fill) in ["weight", "bias"].into_iter().zip(recipes) {
            if let Some(fill) = fill? {
                self.fill(format!("{name}.{own}"), fill);
            }
        }
        Ok(())
    }

    /// A layer norm that is written as several nodes, told by the first of them, its mean; whether it is one.
    pub(super) fn composed_norm(&mut self, mean: &'m Node<'a>) -> Told<Option<()>> {
        let Some(steps) = self.norm_steps(mean) else {
            return Ok(None);
        };
        let flow = self.flow(mean, 0)?;
        let Some(&Axis::Units(units)) = flow.axes.last() else {
            return Ok(None);
        };
        let after = |node: &Node<'a>, operator: &str| {
            let next = self.only_taker(node.outputs.first()?);
            next.filter(|next| next.operator == operator)
        };
        let weight = |node: &Node<'a>| {
            (0..node.inputs.len()).find_map(|place| self.weight(node, place).ok())
        };
        let scaled = after(steps.divided, "Mul").and_then(|node| Some((node, weight(node)?)));
        let last = scaled.as_ref().map_or(steps.divided, |(node, _)| *node);
        let moved = match &scaled {
            Some(_) => after(last, "Add").and_then(|node| Some((node, weight(node)?))),
            None => None,
        };
        let last = moved.as_ref().map_or(last, |(node, _)| *node);
        let norm = LayerNorm {
            epsilon: written(steps.epsilon as f32)?,
            scale: scaled.as_ref().map(|(_, weight)| weight.clone()),
            bias: moved.map(|(_, weight)| weight),
        };
        let within = scaled.map(|(node, _)| node).into_iter().chain(steps.within);
        self.normalised(mean, &flow, &[units as usize], &norm)?;
        for node in within.chain([mean, steps.divided]) {
            self.give(node, 0, Known::Within);
        }
        self.give_flow(last, flow.axes);
        Ok(Some(()))
    }

    /// The nodes from a mean on that divide what differs from it by the root of its mean square and epsilon.
    fn norm_steps(&self, mean: &'m Node<'a>) -> Option<NormSteps<'m, 'a>> {
        let rank = self.flow(mean, 0).ok()?.axes.len();
        let is_last = |node: &Node<'a>| {
            let axes = self.named_axes(node, rank).ok().flatten();
            node.operator == "ReduceMean"
                && axes.is_some_and(|axes| axes == [rank - 1])
                && node.int("keepdims").unwrap_or(1) == 1
        };
        let next = |node: &Node<'a>, operator: &str| {
            let next = self.only_taker(node.outputs.first()?);
            next.filter(|next| next.operator == operator)
        };
        let output = |node: &Node<'a>| node.outputs.first().copied();
        let centred = next(mean, "Sub").filter(|_| is_last(mean))?;
        if centred.inputs[..] != [*mean.inputs.first()?, output(mean)?] {
            return None;
        }
        let takers = self.takers.get(output(centred)?)?;
        let takers = takers.iter().map(|&place| &self.model.graph.nodes[place]);
        let takers: Vec<&'m Node<'a>> = takers.take(3).collect();
        let (&divided, &squared) = match &takers[..] {
            [first, second] if first.operator == "Div" => (first, second),
            [first, second] if second.operator == "Div" => (second, first),
            _ => return None,
        };
        let own = output(centred)?;
        let is_square = match squared.operator {
            "Pow" => squared.inputs.first() == Some(&own) && self.scalar(squared, 1) == Some(2.0),
            "Mul" => squared.inputs[..] == [own, own],
            _ => false,
        };
        let variance = next(squared, "ReduceMean").filter(|node| is_square && is_last(node))?;
        let more = next(variance, "Add")?;
        let epsilon = self.scalar(more, 0).or_else(|| self.scalar(more, 1))?;
        let root = next(more, "Sqrt")?;
        if divided.inputs[..] != [own, output(root)?] {
            return None;
        }
        Some(NormSteps {
            within: vec![centred, squared, variance, more, root],
            divided,
            epsilon,
        })
    }
}

/// A layer norm of the last axes.
#[derive(Clone, Debug)]
struct LayerNorm<'a> {
    scale: Option<Weight<'a>>,
    bias: Option<Weight<'a>>,
    epsilon: f64,
}

/// The nodes of a layer norm after its mean.
#[derive(Debug)]
struct NormSteps<'m, 'a> {
    within: Vec<&'m Node<'a>>,
    divided: &'m Node<'a>,
    epsilon: f64,
}
