//! Elman layers that an exporter has unrolled: for each step a product with the state before it, what the step's own input gives
//! added, and an activation. Every step must be the next one, with the same kernels and biases as the first.

use serde_json::json;

use super::attention::Projection;
use super::axes::Axis;
use super::data::Kernel;
use super::number::Number;
use super::seen::{Factor, Seen, Source};
use super::weight::{Weight, n_values};
use super::{Flow, Known, Path, Told};
use crate::TensorRecipe;
use cntflow_formats::onnx::node::Node;

/// Most units of a recurrence whose first step the exporter has computed.
const MOST_UNITS: usize = 4096;

/// What is computed at every step.
#[derive(Clone, Debug, PartialEq)]
struct Cell<'a> {
    projection: usize,
    /// Kernel and bias that take the state; none are known where the first step has been computed by the exporter.
    own: Option<Own<'a>>,
    /// What the first step adds in their place.
    first: Option<Weight<'a>>,
    activation: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
struct Own<'a> {
    kernel: Weight<'a>,
    bias: Option<Weight<'a>>,
}

/// The state after some steps.
#[derive(Clone, Debug)]
pub(super) struct State<'a> {
    cell: Cell<'a>,
    steps: i64,
    dims: Vec<Vec<Factor>>,
}

/// The product with the state before a step; that of zeros before the first.
#[derive(Clone, Debug)]
pub(super) struct Before<'a> {
    state: Option<State<'a>>,
    own: Own<'a>,
    dims: Vec<Vec<Factor>>,
}

impl<'m, 'a> Path<'m, 'a> {
    /// The product of a state, or of zeros before the first step, with a kernel.
    pub(super) fn before(&self, node: &Node<'a>, kernel: &Kernel<'a>) -> Told<Before<'a>> {
        let [units, n_in] = kernel.sizes()?;
        let (state, dims) = match self.known(node, 0)? {
            Known::State(state) => (Some(state.clone()), state.dims.clone()),
            Known::Zeros(sizes) => (None, self.zero_dims(sizes)?),
            _ => return Err("its input 0 is no state".to_owned()),
        };
        let found = dims.last().map(Vec::as_slice);
        if units != n_in || found != Some(&all(units)[..]) {
            return Err(format!(
                "the kernel {:?} of a recurrence takes a state of {dims:?}",
                kernel.weight.shape
            ));
        }
        let own = Own {
            kernel: kernel.weight.clone(),
            bias: kernel.bias.clone(),
        };
        Ok(Before { state, own, dims })
    }

    fn zero_dims(&self, sizes: &[Number]) -> Told<Vec<Vec<Factor>>> {
        let Some((last, others)) = sizes.split_last() else {
            return Err("zeros of no dimension are multiplied".to_owned());
        };
        let batch = self.batch_size();
        let dim = |&size: &Number| match size {
            Number::Known(1) => Ok(Vec::new()),
            size if size == batch => Ok(vec![Factor::Batch(batch)]),
            size => Err(format!(
                "a state of zeros has {size:?} in a dimension of {sizes:?}"
            )),
        };
        let mut dims = others.iter().map(dim).collect::<Told<Vec<_>>>()?;
        dims.push(match last.known() {
            Some(1) => Vec::new(),
            Some(size) => vec![Factor::Units { stride: 1, size }],
            None => return Err("zeros of an open number of units are multiplied".to_owned()),
        });
        Ok(dims)
    }

    /// What one step's input gives, added to the product with the state before it.
    pub(super) fn step_added(
        &mut self,
        node: &Node<'a>,
        before: Before<'a>,
        seen: &Seen,
    ) -> Told<()> {
        let (projection, step) = self.step_of(seen, &before.dims)?;
        let cell = match before.state {
            None => Cell {
                projection,
                own: Some(before.own),
                first: None,
                activation: "",
            },
            Some(state) => {
                if step != state.steps {
                    return Err(format!(
                        "step {step} of a recurrence comes after {} steps",
                        state.steps
                    ));
                }
                self.same_cell(state.cell, projection, before.own)?
            }
        };
        let is_first = cell.activation.is_empty();
        if is_first && step != 0 {
            return Err(format!("a recurrence begins with step {step}"));
        }
        let sum = State {
            cell,
            steps: step + 1,
            dims: before.dims,
        };
        self.give(node, 0, Known::Sum(sum));
        Ok(())
    }

    /// The first step where the exporter has computed the product with zeros: what is left is the bias.
    pub(super) fn first_step_added(
        &mut self,
        node: &Node<'a>,
        weight: Weight<'a>,
        seen: &Seen,
    ) -> Told<()> {
        let rank = weight.shape.len().max(seen.dims.len());
        let mut dims = vec![Vec::new(); rank - seen.dims.len()];
        dims.extend(seen.dims.iter().cloned());
        let (projection, step) = self.step_of(seen, &dims)?;
        let units = self.projections[projection].kernel.shape.first().copied();
        let sizes = n_values(&weight.shape);
        if step != 0 || weight.shape.last() != units.as_ref() || Some(sizes) != units {
            return Err(format!(
                "a weight {:?} is added to step {step} of a recurrence",
                weight.shape
            ));
        }
        let cell = Cell {
            projection,
            own: None,
            first: Some(weight),
            activation: "",
        };
        self.give(
            node,
            0,
            Known::Sum(State {
                cell,
                steps: 1,
                dims,
            }),
        );
        Ok(())
    }

    /// The projection that one step is taken of, and the step, where its dimensions are those of a state.
    fn step_of(&self, seen: &Seen, dims: &[Vec<Factor>]) -> Told<(usize, i64)> {
        let (Source::Projection(projection), Some(step)) = (seen.of, seen.step) else {
            return Err(
                "what is added to it is neither data nor a step of a recurrence".to_owned(),
            );
        };
        let longer = dims.len().checked_sub(seen.dims.len());
        let same = longer.is_some_and(|n| {
            dims[n..] == seen.dims[..] && dims[..n].iter().all(|dim| dim.is_empty())
        });
        let units = self.projections[projection].kernel.shape.first();
        let whole = units.is_some_and(|&n| dims.last().map(Vec::as_slice) == Some(&all(n)[..]));
        match same && whole && seen.first == 0 && seen.scale == 1.0 {
            true => Ok((projection, step)),
            false => Err(format!("a step {seen:?} is added to a state of {dims:?}")),
        }
    }

    /// A cell with what the next step tells of it, which must be the same.
    fn same_cell(&self, cell: Cell<'a>, projection: usize, own: Own<'a>) -> Told<Cell<'a>> {
        let is_same = match (&cell.own, &cell.first) {
            (Some(known), _) => *known == own,
            (None, Some(first)) => own
                .bias
                .as_ref()
                .is_some_and(|bias| self.same_values(first, bias)),
            (None, None) => false,
        };
        match is_same && cell.projection == projection {
            true => Ok(Cell {
                own: Some(own),
                ..cell
            }),
            false => Err("the steps of a recurrence have different kernels or biases".to_owned()),
        }
    }

    fn same_values(&self, first: &Weight<'a>, second: &Weight<'a>) -> bool {
        let [first, second] = [first, second].map(|weight| self.values(weight, MOST_UNITS));
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        first.is_some() && first.map(bits) == second.map(bits)
    }

    pub(super) fn is_sum(&self, node: &Node<'a>) -> bool {
        matches!(self.known(node, 0), Ok(Known::Sum(_)))
    }

    pub(super) fn next_state(&mut self, node: &Node<'a>) -> Told<()> {
        let Known::Sum(sum) = self.known(node, 0)? else {
            return Err("its input is no step of a recurrence".to_owned());
        };
        let activation = match node.operator {
            "Relu" => "relu",
            _ => "tanh",
        };
        if !["", activation].contains(&sum.cell.activation) {
            return Err("the steps of a recurrence have different activations".to_owned());
        }
        let mut state = sum.clone();
        state.cell.activation = activation;
        self.give(node, 0, Known::State(state));
        Ok(())
    }

    /// All states, one after the other, are the sequence that the layer gives.
    pub(super) fn states(&mut self, node: &Node<'a>, states: &[State<'a>]) -> Told<()> {
        let Some(last) = states.last() else {
            return Err("it joins nothing".to_owned());
        };
        let Projection { flow, kernel, bias } = &self.projections[last.cell.projection];
        let steps = match flow.axes.iter().find_map(|axis| match axis {
            Axis::Steps(n) => Some(*n),
            _ => None,
        }) {
            Some(steps) if steps == states.len() as i64 => steps,
            steps => {
                return Err(format!(
                    "{} states are joined, of {steps:?} steps",
                    states.len()
                ));
            }
        };
        let in_order = states.iter().zip(1..).all(|(state, n)| state.steps == n);
        let own = last
            .cell
            .own
            .clone()
            .ok_or("the kernel of a recurrence is not known")?;
        let same = states.iter().all(|state| {
            let cell = &state.cell;
            cell.projection == last.cell.projection
                && cell.activation == last.cell.activation
                && cell.first == last.cell.first
                && cell.own.as_ref().is_none_or(|known| *known == own)
        });
        let axis = node.int("axis").unwrap_or(0);
        let place = super::shapes::place_of(axis, last.dims.len());
        let place = place.filter(|&place| last.dims[place].is_empty());
        let (true, true, Some(place)) = (in_order, same, place) else {
            return Err(
                "it joins states of a recurrence that are not one after the other".to_owned(),
            );
        };
        let (flow, kernel, bias) = (flow.clone(), kernel.clone(), bias.clone());
        let units = self.elman(node, &flow, (kernel, bias), own, last.cell.activation)?;
        let mut dims = last.dims.clone();
        dims[place] = vec![Factor::Steps(steps)];
        if let Some(last) = dims.last_mut() {
            *last = all(units);
        }
        let seen = Seen {
            of: Source::Layer(self.layers.len()),
            dims,
            first: 0,
            step: None,
            scale: 1.0,
        };
        let known = self.settled(seen);
        self.give(node, 0, known);
        Ok(())
    }

    fn elman(
        &mut self,
        node: &Node<'a>,
        flow: &Flow,
        (kernel, bias): (Weight<'a>, Option<Weight<'a>>),
        own: Own<'a>,
        activation: &str,
    ) -> Told<usize> {
        let units = own.kernel.shape.first().copied().unwrap_or(0);
        let kernels = [self.filled(&kernel)?, self.filled(&own.kernel)?];
        let filled =
            |bias: &Option<Weight<'a>>| bias.as_ref().map(|bias| self.filled(bias)).transpose();
        let biases = [filled(&bias)?, filled(&own.bias)?];
        let has_bias = biases.iter().any(Option::is_some);
        let names = [
            Some(&kernel),
            Some(&own.kernel),
            bias.as_ref(),
            own.bias.as_ref(),
        ];
        let names: Vec<&str> = names.into_iter().flatten().map(Weight::name).collect();
        self.go_to(flow)?;
        let name = self.name(&names, node);
        self.push(json!({"kind": "elman", "name": name, "units": units, "bias": has_bias, "activation": activation}))?;
        for (what, fill) in ["ih", "hh"].into_iter().zip(kernels) {
            self.fill(format!("{name}.weight_{what}_l0"), fill);
        }
        for (what, fill) in ["ih", "hh"].into_iter().zip(biases) {
            if has_bias {
                self.fill(
                    format!("{name}.bias_{what}_l0"),
                    fill.unwrap_or(TensorRecipe::Zeros),
                );
            }
        }
        Ok(units)
    }
}

fn all(units: usize) -> Vec<Factor> {
    match units {
        1 => Vec::new(),
        n => vec![Factor::Units {
            stride: 1,
            size: n as i64,
        }],
    }
}
