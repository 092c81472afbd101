//! Products with kernels: dense layers, embeddings, and projections within attentions and
//! recurrences.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{Dense, Embedding, Layer};

use super::attention_values::Projection;
use super::axes::Axis;
use super::flow::Flow;
use super::kernel::Kernel;
use super::strided_view::{StridedView, ViewSource, all_units};
use super::translator::Translator;
use super::value::Value;
use super::weight::Weight;
use crate::error::{Translated, unsupported};

impl<'a> Translator<'_, 'a> {
    /// `Gemm`: a product with a kernel and the addition of a bias.
    pub(super) fn gemm(&mut self, node: &Node<'a>) -> Translated<()> {
        let kernel = self.weight(node, 1)?;
        let factors = ["alpha", "beta"].map(|name| node.float(name).unwrap_or(1.0));
        if factors != [1.0, 1.0] || node.int("transA").unwrap_or(0) != 0 {
            return Err(unsupported(format!(
                "its factors are {factors:?}, or its data is transposed"
            )));
        }
        let weight = match node.int("transB").unwrap_or(0) {
            0 => kernel.transpose(),
            _ => kernel,
        };
        let bias = self.optional_weight(node, 2)?;
        let product = self.product(node, &Kernel { weight, bias })?;
        self.set_output(node, 0, product);
        Ok(())
    }

    /// `MatMul`: a product with a kernel `[n_in, units]`, together with the addition of a bias
    /// behind it; or one of data with data.
    pub(super) fn matmul(&mut self, node: &Node<'a>) -> Translated<()> {
        if !matches!(self.value(node, 1)?, Value::Weight(_)) {
            return self.product_of_data(node);
        }
        let weight = self.weight(node, 1)?.transpose();
        let addition = self.next(node, "Add");
        let bias = addition.and_then(|addition| self.any_weight(addition));
        let bias = bias.filter(|bias| Some(&bias.shape[..]) == weight.shape.get(..1));
        let last = match (&bias, addition) {
            (Some(_), Some(addition)) => addition,
            _ => node,
        };
        let product = self.product(node, &Kernel { weight, bias })?;
        self.set_output(node, 0, Value::Absorbed);
        self.set_output(last, 0, product);
        Ok(())
    }

    /// A dense layer, or part of an attention or a recurrence.
    fn product(&mut self, node: &Node<'a>, kernel: &Kernel<'a>) -> Translated<Value<'a>> {
        let [units, n_in] = kernel.sizes()?;
        if matches!(self.value(node, 0)?, Value::Zeros(_) | Value::State(_)) {
            return self.state_product(node, kernel).map(Value::StateProduct);
        }
        let is_partial = node
            .outputs
            .first()
            .is_some_and(|name| self.partial_products.contains(name));
        let view = match self.value(node, 0)?.clone() {
            Value::View(view) => view,
            Value::Flow(flow) if is_partial => self.view_of(&flow)?,
            _ => {
                let flow = self.flow(node, 0)?;
                check_inputs(&flow, n_in)?;
                self.push_dense(node, &flow, kernel)?;
                let n_layers = self.builder.n_layers();
                let axes = with_units(flow.axes, units);
                return Ok(Value::Flow(Flow { n_layers, axes }));
            }
        };
        match view.source {
            ViewSource::Mixed(mixed) => {
                let output = self.attention(node, &view, mixed, kernel)?;
                Ok(simplified(output))
            }
            ViewSource::Layer(n_layers) => {
                let flow = sequence_of(n_layers, &view, n_in)?;
                let source = if is_partial {
                    let kernel = kernel.clone();
                    self.projections.push(Projection { flow, kernel });
                    ViewSource::Projection(self.projections.len() - 1)
                } else {
                    self.push_dense(node, &flow, kernel)?;
                    ViewSource::Layer(self.builder.n_layers())
                };
                Ok(simplified(view.with_units(source, units as i64)))
            }
            ViewSource::Projection(_) => Err(unsupported(
                "part of an attention is multiplied with a kernel",
            )),
        }
    }

    /// Data as a view whose axes can be split.
    pub(super) fn view_of(&self, flow: &Flow) -> Translated<StridedView> {
        let source = ViewSource::Layer(flow.n_layers);
        StridedView::new(source, &flow.axes, self.batch_size())
    }

    fn push_dense(&mut self, node: &Node<'a>, flow: &Flow, kernel: &Kernel<'a>) -> Translated<()> {
        let units = kernel.weight.shape.first().copied().unwrap_or(0);
        let bias = kernel.bias.as_ref().map(|bias| {
            let vector = bias.reshaped(vec![units]);
            vector.ok_or_else(|| unsupported("its bias is no list"))
        });
        let bias = bias.transpose()?;
        self.continue_from(flow);
        let name = self.layer_name(&kernel.names(), node);
        self.set_weight(format!("{name}.weight"), &kernel.weight)?;
        if let Some(bias) = &bias {
            self.set_weight(format!("{name}.bias"), bias)?;
        }
        self.builder.add_layer(Layer::Dense(Dense {
            name,
            units,
            bias: bias.is_some(),
            activation: None,
        }));
        Ok(())
    }

    /// `Gather` of a weight's rows by the graph's input.
    pub(super) fn embedding(
        &mut self,
        node: &Node<'a>,
        weight: &Weight<'a>,
        axis: i64,
    ) -> Translated<()> {
        let flow = self.flow(node, 1)?;
        let (&[tokens, units], &[Axis::Batch, Axis::Units(steps)], 0, 0) =
            (&weight.shape[..], &flow.axes[..], axis, flow.n_layers)
        else {
            return Err(unsupported("it is no embedding of the graph's input"));
        };
        self.continue_from(&flow);
        let name = self.layer_name(&[weight.name()], node);
        self.set_weight(format!("{name}.weight"), weight)?;
        self.builder.add_layer(Layer::Embedding(Embedding {
            name,
            tokens,
            units,
        }));
        let axes = vec![Axis::Batch, Axis::Steps(steps), Axis::Units(units as i64)];
        self.set_layer_output(node, axes);
        Ok(())
    }
}

/// A view as plain data, where it is the whole output of a layer and every axis has one meaning.
pub(super) fn simplified<'a>(view: StridedView) -> Value<'a> {
    match (view.source, view.axes()) {
        (ViewSource::Layer(n_layers), Some(axes)) => Value::Flow(Flow { n_layers, axes }),
        _ => Value::View(view),
    }
}

/// Checks that a kernel can take the last axis of data: units, or channels where there is nothing
/// else.
fn check_inputs(flow: &Flow, n_in: usize) -> Translated<()> {
    let axes = flow.axes.iter().copied();
    let axes: Vec<Axis> = axes.filter(|axis| *axis != Axis::One).collect();
    let found = match axes[..] {
        [.., Axis::Units(n)] | [Axis::Batch, Axis::Channels(n)] => n,
        _ => {
            let axes = &flow.axes;
            let reason = format!("a kernel cannot take the last axis of {axes:?}");
            return Err(unsupported(reason));
        }
    };
    if found != n_in as i64 || flow.axes.last() == Some(&Axis::One) {
        return Err(unsupported(format!(
            "its kernel takes {n_in} inputs, the data has {found}"
        )));
    }
    Ok(())
}

fn with_units(mut axes: Vec<Axis>, units: usize) -> Vec<Axis> {
    if let Some(last) = axes.last_mut() {
        *last = Axis::Units(units as i64);
    }
    axes
}

/// The output of a layer as a sequence, of which a view has all units in their order.
fn sequence_of(n_layers: usize, view: &StridedView, n_in: usize) -> Translated<Flow> {
    let n_in = n_in as i64;
    let is_whole = view.first_unit == 0 && view.step.is_none() && view.scale == 1.0;
    let has_all_units = view
        .dims
        .last()
        .is_some_and(|last| *last == all_units(n_in));
    let steps = view.steps().filter(|_| is_whole && has_all_units);
    let steps = steps.ok_or_else(|| {
        unsupported(format!(
            "its kernel takes {n_in} inputs, the data is {view:?}"
        ))
    })?;
    let axes = vec![Axis::Batch, Axis::Steps(steps), Axis::Units(n_in)];
    Ok(Flow { n_layers, axes })
}
