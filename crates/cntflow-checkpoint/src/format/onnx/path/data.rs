//! Dense layers, embeddings and additions.

use serde_json::json;

use super::super::proto::Node;
use super::axes::Axis;
use super::{Flow, Known, Path, Told, Weight};
use crate::{Excerpt, Fill};

impl<'m, 'a> Path<'m, 'a> {
    pub(super) fn gemm(&mut self, node: &Node<'a>) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let kernel = self.weight(node, 1)?;
        let factors = ["alpha", "beta"].map(|name| node.float(name).unwrap_or(1.0));
        if factors != [1.0, 1.0] || node.int("transA").unwrap_or(0) != 0 {
            return Err(format!(
                "its factors are {factors:?}, or its data is transposed"
            ));
        }
        let kernel = match node.int("transB").unwrap_or(0) {
            0 => kernel.transpose(),
            _ => kernel,
        };
        let bias = match self.has(node, 2) {
            true => Some(self.weight(node, 2)?),
            false => None,
        };
        let axes = self.dense(node, &flow, &kernel, bias)?;
        self.give_flow(node, axes);
        Ok(())
    }

    /// A product with a kernel `[n_in, units]`, and the addition of a bias that follows it.
    pub(super) fn matmul(&mut self, node: &Node<'a>) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let kernel = self.weight(node, 1)?.transpose();
        let output = node.outputs.first().copied().unwrap_or_default();
        let addition = self
            .only_taker(output)
            .filter(|next| next.operator == "Add");
        let bias = addition.and_then(|next| {
            let weights = (0..next.inputs.len()).find_map(|place| self.weight(next, place).ok());
            weights.filter(|bias| bias.shape[..] == kernel.shape[..1])
        });
        let node_of_output = match (&bias, addition) {
            (Some(_), Some(addition)) => addition,
            _ => node,
        };
        let axes = self.dense(node, &flow, &kernel, bias)?;
        self.give_flow(node_of_output, axes.clone());
        self.give_flow(node, axes);
        Ok(())
    }

    /// A dense layer of a kernel `[units, n_in]`; gives the axes after it.
    fn dense(
        &mut self,
        node: &Node<'a>,
        flow: &Flow,
        kernel: &Weight<'a>,
        bias: Option<Weight<'a>>,
    ) -> Told<Vec<Axis>> {
        let [units, n_in] = kernel.shape[..] else {
            return Err(format!(
                "its kernel has shape {:?}, no matrix",
                kernel.shape
            ));
        };
        let sizes: Vec<Axis> = flow
            .axes
            .iter()
            .copied()
            .filter(|axis| *axis != Axis::One)
            .collect();
        let (found, last) = match (sizes.last(), &sizes[..]) {
            (Some(&Axis::Units(n)), _) => (n, flow.axes.last()),
            (Some(&Axis::Channels(n)), [Axis::Batch, _]) => (n, flow.axes.last()),
            _ => {
                return Err(format!(
                    "a kernel cannot take the last axis of {:?}",
                    flow.axes
                ));
            }
        };
        if found != n_in as i64 || last == Some(&Axis::One) {
            return Err(format!(
                "its kernel takes {n_in} inputs, the data has {found}"
            ));
        }
        if let Some(bias) = bias
            .as_ref()
            .filter(|bias| bias.shape[..] != [units] && bias.shape[..] != [1, units])
        {
            return Err(format!(
                "its bias has shape {:?}, its kernel {units} units",
                bias.shape
            ));
        }
        let bias_name = bias.as_ref().map_or("", |bias| bias.name);
        self.go_to(flow)?;
        let name = self.name(&[kernel.name, bias_name], node);
        self.push(json!({"kind": "dense", "name": name, "units": units, "bias": bias.is_some()}))?;
        self.fill(format!("{name}.weight"), Fill::Tensor(kernel.excerpt()));
        if let Some(bias) = bias {
            let excerpt = match bias.shape.len() {
                1 => Excerpt::whole(bias.name),
                _ => Excerpt::whole(bias.name).shaped(&[units]),
            };
            self.fill(format!("{name}.bias"), Fill::Tensor(excerpt));
        }
        let mut axes = flow.axes.clone();
        if let Some(last) = axes.last_mut() {
            *last = Axis::Units(units as i64);
        }
        Ok(axes)
    }

    /// `Gather` of a weight's rows by the graph's input.
    pub(super) fn embedding(&mut self, node: &Node<'a>, weight: Weight<'a>, axis: i64) -> Told<()> {
        let flow = self.flow(node, 1)?;
        let (&[tokens, units], [Axis::Batch, Axis::Units(steps)], 0, 0) =
            (&weight.shape[..], &flow.axes[..], axis, flow.place)
        else {
            return Err("it is no embedding of the graph's input".to_owned());
        };
        let axes = vec![Axis::Batch, Axis::Steps(*steps), Axis::Units(units as i64)];
        self.go_to(&flow)?;
        let name = self.name(&[weight.name], node);
        self.push(json!({"kind": "embedding", "name": name, "tokens": tokens, "units": units}))?;
        self.fill(format!("{name}.weight"), Fill::Tensor(weight.excerpt()));
        self.give_flow(node, axes);
        Ok(())
    }

    /// Two branches, or a learned vector for every step.
    pub(super) fn add(&mut self, node: &Node<'a>) -> Told<()> {
        let (flow, weight) = match (self.known(node, 0)?.clone(), self.known(node, 1)?.clone()) {
            (Known::Flow(first), Known::Flow(second)) => return self.sum(node, first, second),
            (Known::Flow(flow), Known::Weight(weight))
            | (Known::Weight(weight), Known::Flow(flow)) => (flow, weight),
            _ => return Err("it adds what is neither data nor a weight".to_owned()),
        };
        let [Axis::Batch, Axis::Steps(steps), Axis::Units(units)] = flow.axes[..] else {
            return Err(format!(
                "a weight {:?} is added to {:?}",
                weight.shape, flow.axes
            ));
        };
        let last = [steps as usize, units as usize];
        if !weight.shape.ends_with(&last) || weight.shape.len() > 3 || weight.transposed {
            return Err(format!(
                "a weight {:?} is added to {:?}",
                weight.shape, flow.axes
            ));
        }
        if !self.names.insert(weight.name.to_owned()) {
            return Err(format!("weight {} is added twice", weight.name));
        }
        self.go_to(&flow)?;
        self.push(json!({"kind": "position_embedding", "name": weight.name}))?;
        self.give_flow(node, flow.axes);
        Ok(())
    }

    fn sum(&mut self, node: &Node<'a>, first: Flow, second: Flow) -> Told<()> {
        if first.axes != second.axes {
            return Err(format!("it adds {:?} to {:?}", second.axes, first.axes));
        }
        let (last, earlier) = match first.place >= second.place {
            true => (first, second),
            false => (second, first),
        };
        self.go_to(&last)?;
        let from = self.name_at(earlier.place);
        self.push(json!({"kind": "add", "from": from}))?;
        self.give_flow(node, last.axes);
        Ok(())
    }
}
