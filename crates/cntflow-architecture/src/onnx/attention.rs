//! Attention, written as products: queries, keys and values cut out of projections into heads,
//! scores, their softmax, the values mixed, and the output projection. Each is checked for what it
//! computes; see [`StridedView`] for how.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{Attention, Layer, Projections};

use super::attention_values::{MixedValues, ProjectedUnits, Scores};
use super::kernel::Kernel;
use super::strided_view::{Factor, StridedView, ViewSource, all_units};
use super::translator::Translator;
use super::value::Value;
use super::weight_recipes::Rows;
use crate::error::{Translated, unsupported};
use crate::recipe::TensorRecipe;

/// Largest relative difference of a scale from `1 / sqrt(units of a head)`.
const SCALE_TOLERANCE: f64 = 1e-6;

impl<'a> Translator<'_, 'a> {
    /// Refuses nodes between scores and their softmax, and between the softmax and the values, that
    /// are no part of an attention.
    pub(super) fn refuse_on_scores(&self, node: &Node<'a>) -> Translated<()> {
        let is_identity = ["Identity", "Dropout", "Cast", "CastLike"].contains(&node.operator);
        let is_any_of = |operators: &[&str]| is_identity || operators.contains(&node.operator);
        for name in &node.inputs {
            match self.values.get(name) {
                Some(Value::Scores(_)) if !is_any_of(&["Mul", "Div", "Softmax"]) => {
                    return Err(unsupported(
                        "it takes the scores of an attention: a mask, or another kind of attention",
                    ));
                }
                Some(Value::AttentionWeights(_)) if !is_any_of(&["MatMul"]) => {
                    return Err(unsupported(
                        "it takes the weights of an attention before they mix its values",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a node takes data within an attention or a recurrence.
    pub(super) fn takes_attention_part(&self, node: &Node<'a>) -> bool {
        let mut values = node.inputs.iter().filter_map(|name| self.values.get(name));
        values.any(|value| matches!(value, Value::View(_) | Value::Scores(_)))
    }

    /// `Mul` or `Div` of queries, keys or scores with a number.
    pub(super) fn scale(&mut self, node: &Node<'a>) -> Translated<()> {
        let (input, number) = match (self.scalar(node, 0), self.scalar(node, 1)) {
            (None, Some(number)) => (0, number),
            (Some(number), None) if node.operator == "Mul" => (1, number),
            _ => {
                return Err(unsupported(
                    "part of an attention is not multiplied with one number",
                ));
            }
        };
        let factor = if node.operator == "Div" {
            number.recip()
        } else {
            number
        };
        let mut value = self.value(node, input)?.clone();
        match &mut value {
            Value::View(view) => view.scale *= factor,
            Value::Scores(scores) => scores.scale *= factor,
            _ => {
                return Err(unsupported(
                    "a number scales what is neither a query, a key nor a score of an attention",
                ));
            }
        }
        self.set_output(node, 0, value);
        Ok(())
    }

    /// A product of data with data: scores, or values that are mixed.
    pub(super) fn product_of_data(&mut self, node: &Node<'a>) -> Translated<()> {
        let value = match (self.value(node, 0)?, self.value(node, 1)?) {
            (Value::View(queries), Value::View(keys)) => Value::Scores(scores(queries, keys)?),
            (Value::AttentionWeights(weights), Value::View(values)) => {
                let values = values.clone();
                let mixed = self.mixed_values(weights, &values)?;
                self.mixed.push(mixed);
                Value::View(StridedView {
                    source: ViewSource::Mixed(self.mixed.len() - 1),
                    first_unit: 0,
                    ..values
                })
            }
            _ => {
                return Err(unsupported(
                    "it multiplies data with data, and it is no attention",
                ));
            }
        };
        self.set_output(node, 0, value);
        Ok(())
    }

    /// The softmax of scores, which must be over the keys and of scores of the right scale.
    pub(super) fn attention_weights(&mut self, node: &Node<'a>) -> Translated<()> {
        let Value::Scores(scores) = self.value(node, 0)? else {
            return Err(unsupported(
                "it is the softmax of a part of an attention that is not its scores",
            ));
        };
        let rank = scores.outer_dims.len() as i64 + 2;
        let axis = node.int("axis");
        if ![Some(-1), Some(rank - 1)].contains(&axis) {
            return Err(unsupported(format!(
                "the softmax of an attention is over axis {axis:?}, not its keys"
            )));
        }
        let expected = (scores.head_units as f64).sqrt().recip();
        let difference = scores.scale / expected - 1.0;
        let is_expected = difference.abs() < SCALE_TOLERANCE;
        if !is_expected {
            return Err(unsupported(format!(
                "the scores of an attention are scaled by {}, {expected} is needed for {} units of a head",
                scores.scale, scores.head_units
            )));
        }
        let weights = Value::AttentionWeights(scores.clone());
        self.set_output(node, 0, weights);
        Ok(())
    }

    /// The values that attention weights mix. Queries, keys and values must be projections of the
    /// same data into as many units as it has.
    fn mixed_values(&self, weights: &Scores, values: &StridedView) -> Translated<MixedValues> {
        let value = projected_units(values)
            .ok_or_else(|| unsupported("the values of an attention are no projection"))?;
        let [heads @ .., steps, units] = &values.dims[..] else {
            return Err(unsupported(
                "the values of an attention have less than two dimensions",
            ));
        };
        let is_like_scores = heads == weights.outer_dims
            && steps[..] == [Factor::Steps(weights.steps)]
            && *units == all_units(weights.head_units);
        if !is_like_scores || values.scale != 1.0 {
            return Err(unsupported(format!(
                "the values of an attention are {:?}, scaled by {}; its scores are of {:?}",
                values.dims, values.scale, weights.outer_dims
            )));
        }
        let heads = n_heads(&weights.outer_dims, weights.head_units)?;
        let flow = self.projections[value.projection].flow.clone();
        let units = heads.saturating_mul(weights.head_units);
        for part in [weights.query, weights.key, value] {
            let projection = &self.projections[part.projection];
            if projection.flow.n_layers != flow.n_layers {
                return Err(unsupported(
                    "queries, keys and values are made of different data: it is no self-attention",
                ));
            }
            let [rows, n_in] = projection.kernel.weight.shape[..] else {
                return Err(unsupported("a projection has no matrix"));
            };
            let first = part.first_unit;
            let end = first.saturating_add(units);
            if n_in as i64 != units || first < 0 || end > rows as i64 {
                return Err(unsupported(format!(
                    "an attention over {units} units takes units {first}..{end} of a projection {n_in} -> {rows}; it must be {units} -> at least {end}"
                )));
            }
        }
        Ok(MixedValues {
            query: weights.query,
            key: weights.key,
            value,
            heads,
            units,
            flow,
        })
    }

    /// The output projection, with which the layer is complete. Gives the layer's output.
    pub(super) fn attention(
        &mut self,
        node: &Node<'a>,
        view: &StridedView,
        mixed: usize,
        output: &Kernel<'a>,
    ) -> Translated<StridedView> {
        let mixed = self.mixed[mixed].clone();
        let has_all_units = view
            .dims
            .last()
            .is_some_and(|last| *last == all_units(mixed.units));
        if !has_all_units || view.first_unit != 0 || view.scale != 1.0 || view.step.is_some() {
            return Err(unsupported(format!(
                "the heads of an attention are put together as {:?}",
                view.dims
            )));
        }
        let units = mixed.units as usize;
        if output.weight.shape[..] != [units, units] {
            return Err(unsupported(format!(
                "the output projection of an attention of {units} units has shape {:?}",
                output.weight.shape
            )));
        }
        let qkv_weight = self.qkv_weight(&mixed)?;
        let qkv_bias = self.qkv_bias(&mixed, output)?;
        let projection = &self.projections[mixed.value.projection].kernel;
        let name = self.attention_name(output.weight.name(), &projection.names(), node);
        if qkv_bias == Some(TensorRecipe::Zeros) || (qkv_bias.is_some() && output.bias.is_none()) {
            self.builder.assume(format!(
                "attention {name} lacks some of its biases: zeros are taken for them"
            ));
        }
        self.continue_from(&mixed.flow);
        self.builder.add_layer(Layer::Attention(Attention {
            name: name.clone(),
            heads: mixed.heads as usize,
            bias: qkv_bias.is_some(),
            projections: Projections::Torch,
        }));
        self.builder
            .set_recipe(format!("{name}.in_proj_weight"), qkv_weight);
        self.set_weight(format!("{name}.out_proj.weight"), &output.weight)?;
        if let Some(qkv_bias) = qkv_bias {
            self.builder
                .set_recipe(format!("{name}.in_proj_bias"), qkv_bias);
            let bias = output.bias.as_ref().map(|bias| self.weight_recipe(bias));
            let bias = bias.transpose()?.unwrap_or(TensorRecipe::Zeros);
            self.builder
                .set_recipe(format!("{name}.out_proj.bias"), bias);
        }
        let source = ViewSource::Layer(self.builder.n_layers());
        Ok(view.with_units(source, mixed.units))
    }

    /// Kernels of queries, keys and values, one after the other.
    fn qkv_weight(&self, mixed: &MixedValues) -> Translated<TensorRecipe> {
        let rows = |part: ProjectedUnits| Rows {
            weight: &self.projections[part.projection].kernel.weight,
            first: usize::try_from(part.first_unit).unwrap_or(usize::MAX),
            n: mixed.units as usize,
        };
        self.rows_recipe(&[mixed.query, mixed.key, mixed.value].map(rows))
    }

    /// Biases of queries, keys and values; zeros where only the output projection has one.
    fn qkv_bias(
        &self,
        mixed: &MixedValues,
        output: &Kernel<'a>,
    ) -> Translated<Option<TensorRecipe>> {
        let parts = [mixed.query, mixed.key, mixed.value].into_iter();
        let biases: Vec<Rows<'_, 'a>> = parts
            .filter_map(|part| {
                Some(Rows {
                    weight: self.projections[part.projection].kernel.bias.as_ref()?,
                    first: usize::try_from(part.first_unit).unwrap_or(usize::MAX),
                    n: mixed.units as usize,
                })
            })
            .collect();
        match (biases.len(), &output.bias) {
            (0, None) => Ok(None),
            (0, Some(_)) => Ok(Some(TensorRecipe::Zeros)),
            (3, _) => self.rows_recipe(&biases).map(Some),
            (n, _) => Err(unsupported(format!(
                "{n} of queries, keys and values have biases"
            ))),
        }
    }
}

/// Products of queries `[..., steps, units]` and keys `[..., units, steps]`, which must be
/// projections with the same heads.
fn scores(queries: &StridedView, keys: &StridedView) -> Translated<Scores> {
    let (Some(query), Some(key)) = (projected_units(queries), projected_units(keys)) else {
        return Err(unsupported(
            "it multiplies data with data, and they are no projections",
        ));
    };
    let differ = || {
        unsupported(format!(
            "queries of {:?} and keys of {:?} are multiplied",
            queries.dims, keys.dims
        ))
    };
    let ([heads @ .., steps, units], [key_heads @ .., key_units, key_steps]) =
        (&queries.dims[..], &keys.dims[..])
    else {
        return Err(differ());
    };
    let (&[Factor::Steps(n_steps)], &[Factor::Units { stride: 1, size }]) =
        (&steps[..], &units[..])
    else {
        return Err(differ());
    };
    if heads != key_heads || units != key_units || steps != key_steps {
        return Err(differ());
    }
    Ok(Scores {
        query,
        key,
        outer_dims: heads.to_vec(),
        head_units: size,
        steps: n_steps,
        scale: queries.scale * keys.scale,
    })
}

/// The units of a projection that a view shows; `None` for views of anything else.
fn projected_units(view: &StridedView) -> Option<ProjectedUnits> {
    match view.source {
        ViewSource::Projection(projection) if view.step.is_none() => Some(ProjectedUnits {
            projection,
            first_unit: view.first_unit,
        }),
        _ => None,
    }
}

/// The number of heads, which must stand one after the other: heads with interleaved units are
/// another network.
fn n_heads(dims: &[Vec<Factor>], head_units: i64) -> Translated<i64> {
    let is_units = |factor: &&Factor| matches!(factor, Factor::Units { .. });
    let units: Vec<_> = dims.iter().flatten().filter(is_units).collect();
    match units[..] {
        [] => Ok(1),
        [&Factor::Units { stride, size }] if stride == head_units => Ok(size),
        _ => Err(unsupported(format!(
            "the heads of an attention are {dims:?}, not one after the other"
        ))),
    }
}
