//! Dense layers, embeddings and additions.

use serde_json::json;

use super::attention::Projection;
use super::axes::Axis;
use super::seen::{Factor, Seen, Source};
use super::weight::Weight;
use super::{Flow, Known, Path, Told};
use cntflow_formats::onnx::node::Node;

/// What data is multiplied with, and what is added.
#[derive(Clone, Debug)]
pub(super) struct Kernel<'a> {
    /// `[units, n_in]`.
    pub(super) weight: Weight<'a>,
    pub(super) bias: Option<Weight<'a>>,
}

impl<'a> Kernel<'a> {
    pub(super) fn sizes(&self) -> Told<[usize; 2]> {
        let [units, n_in] = self.weight.shape[..] else {
            let shape = &self.weight.shape;
            return Err(format!("its kernel has shape {shape:?}, no matrix"));
        };
        match &self.bias {
            Some(bias) if bias.shape[..] != [units] && bias.shape[..] != [1, units] => {
                Err(format!(
                    "its bias has shape {:?}, its kernel {units} units",
                    bias.shape
                ))
            }
            _ => Ok([units, n_in]),
        }
    }
}

impl<'m, 'a> Path<'m, 'a> {
    pub(super) fn gemm(&mut self, node: &Node<'a>) -> Told<()> {
        let kernel = self.weight(node, 1)?;
        let factors = ["alpha", "beta"].map(|name| node.float(name).unwrap_or(1.0));
        if factors != [1.0, 1.0] || node.int("transA").unwrap_or(0) != 0 {
            return Err(format!(
                "its factors are {factors:?}, or its data is transposed"
            ));
        }
        let weight = match node.int("transB").unwrap_or(0) {
            0 => kernel.transpose(),
            _ => kernel,
        };
        let bias = match self.has(node, 2) {
            true => Some(self.weight(node, 2)?),
            false => None,
        };
        let made = self.product(node, &Kernel { weight, bias })?;
        self.give(node, 0, made);
        Ok(())
    }

    /// A product with a kernel `[n_in, units]`, and the addition of a bias that follows it; or one of data with data.
    pub(super) fn matmul(&mut self, node: &Node<'a>) -> Told<()> {
        if !matches!(self.known(node, 1)?, Known::Weight(_)) {
            return self.mixed(node);
        }
        let weight = self.weight(node, 1)?.transpose();
        let output = node.outputs.first().copied().unwrap_or_default();
        let addition = self
            .only_taker(output)
            .filter(|next| next.operator == "Add");
        let bias = addition.and_then(|next| {
            let weights = (0..next.inputs.len()).find_map(|place| self.weight(next, place).ok());
            weights.filter(|bias| Some(&bias.shape[..]) == weight.shape.get(..1))
        });
        let last = match (&bias, addition) {
            (Some(_), Some(addition)) => addition,
            _ => node,
        };
        let made = self.product(node, &Kernel { weight, bias })?;
        self.give(node, 0, Known::Within);
        self.give(last, 0, made);
        Ok(())
    }

    /// A dense layer, or part of an attention or a recurrence.
    fn product(&mut self, node: &Node<'a>, kernel: &Kernel<'a>) -> Told<Known<'a>> {
        let [units, n_in] = kernel.sizes()?;
        if matches!(self.known(node, 0)?, Known::Zeros(_) | Known::State(_)) {
            return self.before(node, kernel).map(Known::Before);
        }
        let is_part = node
            .outputs
            .first()
            .is_some_and(|name| self.parts.contains(name));
        let seen = match self.known(node, 0)?.clone() {
            Known::Seen(seen) => seen,
            Known::Flow(flow) if is_part => self.see(&flow)?,
            _ => {
                let flow = self.flow(node, 0)?;
                let axes = self.takes(&flow, n_in)?;
                let axes = with_units(axes, units);
                self.dense(node, &flow, kernel)?;
                let place = self.layers.len();
                return Ok(Known::Flow(Flow { place, axes }));
            }
        };
        match seen.of {
            Source::Mix(place) => {
                let made = self.attention(node, &seen, place, kernel)?;
                Ok(self.settled(made))
            }
            Source::Layer(place) => {
                let flow = in_order(place, &seen, n_in)?;
                let of = match is_part {
                    true => {
                        let (kernel, bias) = (kernel.weight.clone(), kernel.bias.clone());
                        self.projections.push(Projection { flow, kernel, bias });
                        Source::Projection(self.projections.len() - 1)
                    }
                    false => {
                        self.dense(node, &flow, kernel)?;
                        Source::Layer(self.layers.len())
                    }
                };
                Ok(self.settled(seen.with_units(of, units as i64)))
            }
            Source::Projection(_) => Err("part of an attention goes through a kernel".to_owned()),
        }
    }

    /// Data as axes that can be split.
    pub(super) fn see(&self, flow: &Flow) -> Told<Seen> {
        Seen::new(Source::Layer(flow.place), &flow.axes, self.batch_size())
    }

    /// Data whose axes are each one thing is as any other.
    pub(super) fn settled(&self, seen: Seen) -> Known<'a> {
        match (seen.of, seen.axes()) {
            (Source::Layer(place), Some(axes)) => Known::Flow(Flow { place, axes }),
            _ => Known::Seen(seen),
        }
    }

    /// The axes of data that a kernel takes.
    fn takes(&self, flow: &Flow, n_in: usize) -> Told<Vec<Axis>> {
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
        match found != n_in as i64 || last == Some(&Axis::One) {
            true => Err(format!(
                "its kernel takes {n_in} inputs, the data has {found}"
            )),
            false => Ok(flow.axes.clone()),
        }
    }

    /// A dense layer of a kernel that fits.
    fn dense(&mut self, node: &Node<'a>, flow: &Flow, kernel: &Kernel<'a>) -> Told<()> {
        let units = kernel.weight.shape.first().copied().unwrap_or(0);
        let weight = self.filled(&kernel.weight)?;
        let bias = match &kernel.bias {
            None => None,
            Some(bias) => {
                let flat = bias.seen_as(vec![units]).ok_or("its bias is no list")?;
                Some(self.filled(&flat)?)
            }
        };
        let bias_name = kernel.bias.as_ref().map_or("", Weight::name);
        self.go_to(flow)?;
        let name = self.name(&[kernel.weight.name(), bias_name], node);
        self.push(json!({"kind": "dense", "name": name, "units": units, "bias": bias.is_some()}))?;
        self.fill(format!("{name}.weight"), weight);
        if let Some(bias) = bias {
            self.fill(format!("{name}.bias"), bias);
        }
        Ok(())
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
        let fill = self.filled(&weight)?;
        let name = self.name(&[weight.name()], node);
        self.push(json!({"kind": "embedding", "name": name, "tokens": tokens, "units": units}))?;
        self.fill(format!("{name}.weight"), fill);
        self.give_flow(node, axes);
        Ok(())
    }

    /// Two branches, a learned vector for every step, or a step of a recurrence.
    pub(super) fn add(&mut self, node: &Node<'a>) -> Told<()> {
        let (flow, weight) = match (self.known(node, 0)?.clone(), self.known(node, 1)?.clone()) {
            (Known::Flow(first), Known::Flow(second)) => return self.sum(node, first, second),
            (Known::Flow(flow), Known::Weight(weight))
            | (Known::Weight(weight), Known::Flow(flow)) => (flow, weight),
            (Known::Before(before), Known::Seen(seen))
            | (Known::Seen(seen), Known::Before(before)) => {
                return self.step_added(node, before, &seen);
            }
            (Known::Weight(weight), Known::Seen(seen))
            | (Known::Seen(seen), Known::Weight(weight)) => {
                return self.first_step_added(node, weight, &seen);
            }
            _ => return Err("it adds what is neither data nor a weight".to_owned()),
        };
        let differs = || format!("a weight {:?} is added to {:?}", weight.shape, flow.axes);
        let [Axis::Batch, Axis::Steps(steps), Axis::Units(units)] = flow.axes[..] else {
            return Err(differs());
        };
        let last = [steps as usize, units as usize];
        let ones = weight.shape.iter().rev().skip(2).all(|&size| size == 1);
        if !weight.shape.ends_with(&last) || weight.shape.len() > 3 || !ones {
            return Err(differs());
        }
        let fill = self.filled(&weight)?;
        self.go_to(&flow)?;
        let name = self.unique(weight.name().to_owned());
        self.push(json!({"kind": "position_embedding", "name": name}))?;
        self.fill(name, fill);
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

fn with_units(mut axes: Vec<Axis>, units: usize) -> Vec<Axis> {
    if let Some(last) = axes.last_mut() {
        *last = Axis::Units(units as i64);
    }
    axes
}

/// A sequence that is seen with its axes merged, as its layer gives it, if a kernel can take its last axis.
fn in_order(place: usize, seen: &Seen, n_in: usize) -> Told<Flow> {
    let size = n_in as i64;
    let last = seen.dims.last().map(Vec::as_slice);
    let whole = seen.first == 0 && seen.step.is_none() && seen.scale == 1.0;
    let fits = match last {
        Some(
            [
                Factor::Units {
                    stride: 1,
                    size: found,
                },
            ],
        ) => *found == size,
        Some([]) => size == 1,
        _ => false,
    };
    let steps = seen.steps().filter(|_| whole && fits);
    let steps =
        steps.ok_or_else(|| format!("its kernel takes {n_in} inputs, the data is {seen:?}"))?;
    let axes = vec![Axis::Batch, Axis::Steps(steps), Axis::Units(size)];
    Ok(Flow { place, axes })
}
