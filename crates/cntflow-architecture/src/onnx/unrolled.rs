//! Elman layers that an exporter has unrolled: each step multiplies the state before it with a
//! kernel, adds the projection of its own input, and applies an activation. The steps must follow
//! one another without a gap, all with the same kernels and biases.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{Activation, Layer, Recurrent};

use super::attention_values::Projection;
use super::axes::{Axis, axis_index};
use super::dense::simplified;
use super::kernel::Kernel;
use super::recurrence_values::{StateProduct, UnrolledCell, UnrolledState};
use super::strided_view::{Factor, StridedView, ViewSource, all_units};
use super::symbolic::SymbolicInt;
use super::translator::Translator;
use super::value::Value;
use super::weight::{Weight, n_values};
use crate::error::{Translated, unsupported};
use crate::recipe::TensorRecipe;

/// The most units that a recurrence may have if the exporter has folded its first step: their
/// biases are compared value by value.
const MAX_COMPARED_UNITS: usize = 4096;

impl<'a> Translator<'_, 'a> {
    /// The product of a state, or of zeros before the first step, with a kernel.
    pub(super) fn state_product(
        &self,
        node: &Node<'a>,
        kernel: &Kernel<'a>,
    ) -> Translated<StateProduct<'a>> {
        let [units, n_in] = kernel.sizes()?;
        let (state, dims) = match self.value(node, 0)? {
            Value::State(state) => (Some(state.clone()), state.dims.clone()),
            Value::Zeros(sizes) => (None, self.dims_of_zeros(sizes)?),
            _ => return Err(unsupported("its input 0 is no state")),
        };
        if units != n_in || dims.last() != Some(&all_units(units as i64)) {
            return Err(unsupported(format!(
                "the kernel {:?} of a recurrence takes a state of {dims:?}",
                kernel.weight.shape
            )));
        }
        let kernel = kernel.clone();
        Ok(StateProduct {
            state,
            kernel,
            dims,
        })
    }

    /// The dimensions of a state of zeros: the batch, ones, and units at the end.
    fn dims_of_zeros(&self, sizes: &[SymbolicInt]) -> Translated<Vec<Vec<Factor>>> {
        let Some((last, others)) = sizes.split_last() else {
            return Err(unsupported("zeros of no dimension are multiplied"));
        };
        let batch = self.batch_size();
        let dim = |&size: &SymbolicInt| match size {
            SymbolicInt::Fixed(1) => Ok(Vec::new()),
            size if size == batch => Ok(vec![Factor::Batch(batch)]),
            size => Err(unsupported(format!(
                "a state of zeros has {size:?} in a dimension of {sizes:?}"
            ))),
        };
        let mut dims = others.iter().map(dim).collect::<Translated<Vec<_>>>()?;
        let units = last
            .fixed()
            .ok_or_else(|| unsupported("zeros of an open number of units are multiplied"))?;
        dims.push(all_units(units));
        Ok(dims)
    }

    /// Adds what one step's input gives to the product with the state before it.
    pub(super) fn add_step(
        &mut self,
        node: &Node<'a>,
        product: StateProduct<'a>,
        view: &StridedView,
    ) -> Translated<()> {
        let (projection, step) = self.step_of(view, &product.dims)?;
        let cell = match product.state {
            None if step != 0 => {
                let reason = format!("a recurrence begins with step {step}");
                return Err(unsupported(reason));
            }
            None => UnrolledCell {
                projection,
                state_kernel: Some(product.kernel),
                first_bias: None,
                activation: None,
            },
            Some(state) if step != state.steps => {
                return Err(unsupported(format!(
                    "step {step} of a recurrence comes after {} steps",
                    state.steps
                )));
            }
            Some(state) => self.same_cell(state.cell, projection, product.kernel)?,
        };
        let sum = UnrolledState {
            cell,
            steps: step + 1,
            dims: product.dims,
        };
        self.set_output(node, 0, Value::StateSum(sum));
        Ok(())
    }

    /// The first step, if the exporter has folded its product with the zero state: only the bias is
    /// left of that.
    pub(super) fn add_first_step(
        &mut self,
        node: &Node<'a>,
        bias: Weight<'a>,
        view: &StridedView,
    ) -> Translated<()> {
        let rank = bias.shape.len().max(view.dims.len());
        // ONNX broadcasts: the sum has the rank of the larger summand.
        let mut dims = vec![Vec::new(); rank - view.dims.len()];
        dims.extend(view.dims.iter().cloned());
        let (projection, step) = self.step_of(view, &dims)?;
        let kernel = &self.projections[projection].kernel.weight;
        let units = kernel.shape.first().copied();
        let is_vector = bias.shape.last().copied() == units && Some(n_values(&bias.shape)) == units;
        if step != 0 || !is_vector {
            return Err(unsupported(format!(
                "a weight {:?} is added to step {step} of a recurrence",
                bias.shape
            )));
        }
        let cell = UnrolledCell {
            projection,
            state_kernel: None,
            first_bias: Some(bias),
            activation: None,
        };
        let sum = UnrolledState {
            cell,
            steps: 1,
            dims,
        };
        self.set_output(node, 0, Value::StateSum(sum));
        Ok(())
    }

    /// The projection that a view shows one step of, and the step. The view must have the
    /// dimensions of a state.
    fn step_of(&self, view: &StridedView, dims: &[Vec<Factor>]) -> Translated<(usize, i64)> {
        let (ViewSource::Projection(projection), Some(step)) = (view.source, view.step) else {
            return Err(unsupported(
                "what is added to it is neither data nor a step of a recurrence",
            ));
        };
        let n_more = dims.len().checked_sub(view.dims.len());
        let is_like_state = n_more.is_some_and(|n| {
            dims[n..] == view.dims[..] && dims[..n].iter().all(|dim| dim.is_empty())
        });
        let units = self.projections[projection].kernel.weight.shape.first();
        let has_all_units = units.is_some_and(|&n| dims.last() == Some(&all_units(n as i64)));
        if !is_like_state || !has_all_units || view.first_unit != 0 || view.scale != 1.0 {
            return Err(unsupported(format!(
                "a step {view:?} is added to a state of {dims:?}"
            )));
        }
        Ok((projection, step))
    }

    /// The cell of the next step, which must be the same; it may tell the kernel that the first
    /// step did not show.
    fn same_cell(
        &self,
        cell: UnrolledCell<'a>,
        projection: usize,
        kernel: Kernel<'a>,
    ) -> Translated<UnrolledCell<'a>> {
        let is_same_kernel = match (&cell.state_kernel, &cell.first_bias) {
            (Some(known), _) => *known == kernel,
            (None, Some(first_bias)) => kernel
                .bias
                .as_ref()
                .is_some_and(|bias| self.have_same_values(first_bias, bias)),
            (None, None) => false,
        };
        if !is_same_kernel || cell.projection != projection {
            return Err(unsupported(
                "the steps of a recurrence have different kernels or biases",
            ));
        }
        Ok(UnrolledCell {
            state_kernel: Some(kernel),
            ..cell
        })
    }

    /// Whether two weights have the same values bit by bit; no if there are too many to compare.
    fn have_same_values(&self, first: &Weight<'a>, second: &Weight<'a>) -> bool {
        let bits = |weight| {
            let values = self.real_values(weight, MAX_COMPARED_UNITS)?;
            Some(values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let first = bits(first);
        first.is_some() && first == bits(second)
    }

    pub(super) fn takes_state_sum(&self, node: &Node<'a>) -> bool {
        matches!(self.value(node, 0), Ok(Value::StateSum(_)))
    }

    /// The activation of a step's sum, which gives the next state.
    pub(super) fn next_state(&mut self, node: &Node<'a>) -> Translated<()> {
        let Value::StateSum(sum) = self.value(node, 0)? else {
            return Err(unsupported("its input is no step of a recurrence"));
        };
        let activation = if node.operator == "Relu" {
            Activation::Relu
        } else {
            Activation::Tanh
        };
        if sum
            .cell
            .activation
            .is_some_and(|before| before != activation)
        {
            return Err(unsupported(
                "the steps of a recurrence have different activations",
            ));
        }
        let mut state = sum.clone();
        state.cell.activation = Some(activation);
        self.set_output(node, 0, Value::State(state));
        Ok(())
    }

    /// Concatenates all states, one after the other: the sequence that the layer gives.
    pub(super) fn concat_states(
        &mut self,
        node: &Node<'a>,
        states: &[UnrolledState<'a>],
    ) -> Translated<()> {
        let last = states
            .last()
            .ok_or_else(|| unsupported("it joins nothing"))?;
        let projection = self.projections[last.cell.projection].clone();
        let mut axes = projection.flow.axes.iter();
        let n_steps = axes.find_map(|axis| match axis {
            Axis::Steps(n) => Some(*n),
            _ => None,
        });
        let steps = n_steps
            .filter(|&steps| steps == states.len() as i64)
            .ok_or_else(|| {
                let steps = n_steps.map_or_else(|| "no".to_owned(), |n| n.to_string());
                unsupported(format!(
                    "{} states are joined, but their input has {steps} steps",
                    states.len()
                ))
            })?;
        let state_kernel = last
            .cell
            .state_kernel
            .clone()
            .ok_or_else(|| unsupported("the kernel of a recurrence is not known"))?;
        let is_same_cell = |cell: &UnrolledCell<'a>| {
            // The first step may not have shown its kernel.
            let is_same_kernel = cell
                .state_kernel
                .as_ref()
                .is_none_or(|kernel| *kernel == state_kernel);
            is_same_kernel
                && cell.projection == last.cell.projection
                && cell.activation == last.cell.activation
                && cell.first_bias == last.cell.first_bias
        };
        let mut numbered = states.iter().zip(1..);
        let is_complete = numbered.all(|(state, n)| state.steps == n && is_same_cell(&state.cell));
        let axis = axis_index(node.int("axis").unwrap_or(0), last.dims.len());
        let axis = axis.ok().filter(|&axis| last.dims[axis].is_empty());
        let Some(axis) = axis.filter(|_| is_complete) else {
            return Err(unsupported(
                "it joins states of a recurrence that are not one after the other",
            ));
        };
        let activation = last.cell.activation;
        let units = self.push_elman(node, &projection, &state_kernel, activation)?;
        let mut dims = last.dims.clone();
        dims[axis] = vec![Factor::Steps(steps)];
        if let Some(last) = dims.last_mut() {
            *last = all_units(units as i64);
        }
        let sequence = StridedView {
            source: ViewSource::Layer(self.builder.n_layers()),
            dims,
            first_unit: 0,
            step: None,
            scale: 1.0,
        };
        self.set_output(node, 0, simplified(sequence));
        Ok(())
    }

    /// Adds the layer; gives its units.
    fn push_elman(
        &mut self,
        node: &Node<'a>,
        projection: &Projection<'a>,
        state_kernel: &Kernel<'a>,
        activation: Option<Activation>,
    ) -> Translated<usize> {
        let kernels = [&projection.kernel, state_kernel];
        let units = state_kernel.weight.shape.first().copied().unwrap_or(0);
        let bias = kernels.iter().any(|kernel| kernel.bias.is_some());
        let weights = kernels.map(|kernel| kernel.weight.name());
        let biases = kernels.iter().filter_map(|kernel| kernel.bias.as_ref());
        let names: Vec<&str> = weights
            .into_iter()
            .chain(biases.map(Weight::name))
            .collect();
        self.continue_from(&projection.flow);
        let name = self.layer_name(&names, node);
        for (kernel, suffix) in kernels.into_iter().zip(["ih_l0", "hh_l0"]) {
            self.set_weight(format!("{name}.weight_{suffix}"), &kernel.weight)?;
            if !bias {
                continue;
            }
            let recipe = match &kernel.bias {
                Some(bias) => self.weight_recipe(bias)?,
                None => TensorRecipe::Zeros,
            };
            self.builder
                .set_recipe(format!("{name}.bias_{suffix}"), recipe);
        }
        self.builder.add_layer(Layer::Elman(Recurrent {
            name,
            units,
            layers: 1,
            bidirectional: false,
            bias,
            activation,
        }));
        Ok(units)
    }
}
