//! Attention, written as products: queries, keys and values cut out of projections into heads, scores, their softmax, the values
//! mixed, and the output projection. Each is checked for what it computes; see [`Seen`] for how.

use serde_json::json;

use super::data::Kernel;
use super::seen::{Factor, Seen, Source};
use super::weight::Weight;
use super::{Flow, Known, Path, Told};
use crate::TensorRecipe;
use cntflow_formats::onnx::node::Node;

/// Largest difference of a scale from its own, relative.
const SAME_SCALE: f64 = 1e-6;

/// A product of data with a kernel that is no layer by itself.
#[derive(Clone, Debug)]
pub(super) struct Projection<'a> {
    pub(super) flow: Flow,
    /// `[units, n_in]`.
    pub(super) kernel: Weight<'a>,
    pub(super) bias: Option<Weight<'a>>,
}

/// Units of a projection: `first` and those after it.
#[derive(Clone, Copy, Debug)]
struct Part {
    projection: usize,
    first: i64,
}

/// Products of queries and keys, head by head.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    query: Part,
    key: Part,
    /// Dimensions before those of the steps: inputs and heads.
    heads: Vec<Vec<Factor>>,
    /// Units of a head.
    width: i64,
    steps: i64,
    scale: f64,
}

/// Values that an attention has mixed, before its output projection.
#[derive(Clone, Debug)]
pub(super) struct Attended {
    query: Part,
    key: Part,
    value: Part,
    heads: i64,
    units: i64,
    flow: Flow,
}

impl<'m, 'a> Path<'m, 'a> {
    /// Scores go to a softmax and nowhere else, shares to the values.
    pub(super) fn refuse_on_scores(&self, node: &Node<'a>) -> Told<()> {
        let same = ["Identity", "Dropout", "Cast", "CastLike"].contains(&node.operator);
        let does = |operators: &[&str]| same || operators.contains(&node.operator);
        for name in &node.inputs {
            match self.known.get(name) {
                Some(Known::Scores(_)) if !does(&["Mul", "Div", "Softmax"]) => {
                    return Err(
                        "it takes the scores of an attention: a mask, or another kind of attention"
                            .to_owned(),
                    );
                }
                Some(Known::Shares(_)) if !does(&["MatMul"]) => {
                    return Err(
                        "it takes the shares of an attention before they mix its values".to_owned(),
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a node takes part of an attention or a recurrence.
    pub(super) fn is_part(&self, node: &Node<'a>) -> bool {
        let known = node.inputs.iter().filter_map(|name| self.known.get(name));
        known
            .into_iter()
            .any(|known| matches!(known, Known::Seen(_) | Known::Scores(_)))
    }

    /// A number that queries, keys or scores are multiplied with.
    pub(super) fn scale(&mut self, node: &Node<'a>) -> Told<()> {
        let place = match (self.scalar(node, 0), self.scalar(node, 1)) {
            (None, Some(_)) => 0,
            (Some(_), None) if node.operator == "Mul" => 1,
            _ => return Err("part of an attention is not multiplied with one number".to_owned()),
        };
        let factor = self.scalar(node, 1 - place).unwrap_or(f64::NAN);
        let factor = match node.operator {
            "Div" => factor.recip(),
            _ => factor,
        };
        let known = match self.known(node, place)? {
            Known::Seen(seen) => Known::Seen(Seen {
                scale: seen.scale * factor,
                ..seen.clone()
            }),
            Known::Scores(scores) => Known::Scores(Scores {
                scale: scores.scale * factor,
                ..scores.clone()
            }),
            _ => return Err("part of an attention is multiplied with what is none".to_owned()),
        };
        self.give(node, 0, known);
        Ok(())
    }

    /// A product of data with data: scores, or values that are mixed.
    pub(super) fn mixed(&mut self, node: &Node<'a>) -> Told<()> {
        let known = match (self.known(node, 0)?, self.known(node, 1)?) {
            (Known::Seen(queries), Known::Seen(keys)) => Known::Scores(scores(queries, keys)?),
            (Known::Shares(shares), Known::Seen(values)) => {
                let (shares, values) = (shares.clone(), values.clone());
                let attended = self.attended(&shares, &values)?;
                self.attended.push(attended);
                let of = Source::Mix(self.attended.len() - 1);
                Known::Seen(Seen {
                    of,
                    first: 0,
                    ..values
                })
            }
            _ => return Err("it multiplies data with data, and it is no attention".to_owned()),
        };
        self.give(node, 0, known);
        Ok(())
    }

    pub(super) fn shares(&mut self, node: &Node<'a>) -> Told<()> {
        let Known::Scores(scores) = self.known(node, 0)? else {
            return Err("a softmax of part of an attention that are no scores".to_owned());
        };
        let rank = scores.heads.len() as i64 + 2;
        let axis = node.int("axis");
        if ![Some(-1), Some(rank - 1)].contains(&axis) {
            return Err(format!(
                "the softmax of an attention is over axis {axis:?}, not its keys"
            ));
        }
        let (found, expected) = (scores.scale, (scores.width as f64).sqrt().recip());
        let same = (found / expected - 1.0).abs() < SAME_SCALE;
        if !same {
            return Err(format!(
                "the scores of an attention are scaled by {found}, {expected} is needed for {} units of a head",
                scores.width
            ));
        }
        let shares = Known::Shares(scores.clone());
        self.give(node, 0, shares);
        Ok(())
    }

    fn attended(&self, shares: &Scores, values: &Seen) -> Told<Attended> {
        let value = part(values).ok_or("the values of an attention are no projection")?;
        let [heads @ .., steps, units] = &values.dims[..] else {
            return Err("the values of an attention have less than two dimensions".to_owned());
        };
        let same = heads == shares.heads
            && steps[..] == [Factor::Steps(shares.steps)]
            && units[..] == all_units(shares.width)[..];
        if !same || values.scale != 1.0 {
            return Err(format!(
                "the values of an attention are {:?}, scaled by {}; its scores are of {:?}",
                values.dims, values.scale, shares.heads
            ));
        }
        let heads = n_heads(&shares.heads, shares.width)?;
        let flow = self.projections[value.projection].flow.clone();
        let units = heads.saturating_mul(shares.width);
        for part in [shares.query, shares.key, value] {
            let projection = &self.projections[part.projection];
            if projection.flow.place != flow.place {
                return Err(
                    "queries, keys and values are made of different data: it is no self-attention"
                        .to_owned(),
                );
            }
            let [rows, n_in] = projection.kernel.shape[..] else {
                return Err("a projection has no matrix".to_owned());
            };
            let end = part.first.saturating_add(units);
            if n_in as i64 != units || part.first < 0 || end > rows as i64 {
                return Err(format!(
                    "units {}..{end} of {rows} are projected from {n_in}, {units} are attended",
                    part.first
                ));
            }
        }
        Ok(Attended {
            query: shares.query,
            key: shares.key,
            value,
            heads,
            units,
            flow,
        })
    }

    /// The output projection, with which the layer is complete.
    pub(super) fn attention(
        &mut self,
        node: &Node<'a>,
        seen: &Seen,
        place: usize,
        output: &Kernel<'a>,
    ) -> Told<Seen> {
        let attended = self.attended[place].clone();
        let whole = seen
            .dims
            .last()
            .is_some_and(|last| last[..] == all_units(attended.units)[..]);
        if !whole || seen.first != 0 || seen.scale != 1.0 || seen.step.is_some() {
            return Err(format!(
                "the heads of an attention are put together as {:?}",
                seen.dims
            ));
        }
        let units = attended.units as usize;
        if output.weight.shape[..] != [units, units] {
            return Err(format!(
                "the output projection of an attention of {units} units has shape {:?}",
                output.weight.shape
            ));
        }
        let parts = [attended.query, attended.key, attended.value];
        let first = |part: Part| usize::try_from(part.first).unwrap_or(usize::MAX);
        let kernels: Vec<_> = parts
            .iter()
            .map(|&part| {
                (
                    &self.projections[part.projection].kernel,
                    first(part),
                    units,
                )
            })
            .collect();
        let weight = self.filled_by_rows(&kernels)?;
        let biases: Vec<_> = parts
            .iter()
            .filter_map(|&part| {
                Some((
                    self.projections[part.projection].bias.as_ref()?,
                    first(part),
                    units,
                ))
            })
            .collect();
        let bias = match (biases.len(), &output.bias) {
            (0, None) => None,
            (0, Some(_)) => Some(TensorRecipe::Zeros),
            (3, _) => Some(self.filled_by_rows(&biases)?),
            (n, _) => return Err(format!("{n} of queries, keys and values have biases")),
        };
        let joint = self.projections[attended.value.projection].bias.as_ref();
        let joint = [
            Some(&self.projections[attended.value.projection].kernel),
            joint,
        ];
        let joint: Vec<&str> = joint.into_iter().flatten().map(Weight::name).collect();
        let name = self.attention_name(&[output.weight.name()], &joint, node);
        if bias.is_some() && (bias == Some(TensorRecipe::Zeros) || output.bias.is_none()) {
            self.assumptions.push(format!(
                "attention {name} has some of its biases; zeros stand for the others"
            ));
        }
        self.go_to(&attended.flow)?;
        let heads = attended.heads;
        self.push(
            json!({"kind": "attention", "name": name, "heads": heads, "bias": bias.is_some()}),
        )?;
        self.fill(format!("{name}.in_proj_weight"), weight);
        let weight = self.filled(&output.weight)?;
        self.fill(format!("{name}.out_proj.weight"), weight);
        if let Some(bias) = bias {
            self.fill(format!("{name}.in_proj_bias"), bias);
            let bias = output.bias.as_ref().map(|bias| self.filled(bias));
            self.fill(
                format!("{name}.out_proj.bias"),
                bias.transpose()?.unwrap_or(TensorRecipe::Zeros),
            );
        }
        Ok(seen.with_units(Source::Layer(self.layers.len()), attended.units))
    }

    /// The module that holds the output projection's, or the joint projection's own.
    fn attention_name(&mut self, output: &[&str], joint: &[&str], node: &Node<'a>) -> String {
        let above = |name: &&str| {
            let (module, _) = name.strip_suffix(".weight")?.rsplit_once('.')?;
            Some(module.to_owned())
        };
        let own = |name: &&str| Some(name.split_once(".in_proj_")?.0.to_owned());
        let known = output.iter().find_map(above);
        let known = known.or_else(|| joint.iter().find_map(own));
        match known {
            Some(name) => self.unique(name),
            None => self.name(&[], node),
        }
    }
}

fn scores(queries: &Seen, keys: &Seen) -> Told<Scores> {
    let (Some(query), Some(key)) = (part(queries), part(keys)) else {
        return Err("it multiplies data with data, and they are no projections".to_owned());
    };
    let shown = || {
        format!(
            "queries of {:?} and keys of {:?} are multiplied",
            queries.dims, keys.dims
        )
    };
    let ([heads @ .., steps, units], [other @ .., key_units, key_steps]) =
        (&queries.dims[..], &keys.dims[..])
    else {
        return Err(shown());
    };
    let (
        [Factor::Steps(n)],
        [
            Factor::Units {
                stride: 1,
                size: width,
            },
        ],
    ) = (&steps[..], &units[..])
    else {
        return Err(shown());
    };
    if heads != other || units != key_units || steps != key_steps {
        return Err(shown());
    }
    Ok(Scores {
        query,
        key,
        heads: heads.to_vec(),
        width: *width,
        steps: *n,
        scale: queries.scale * keys.scale,
    })
}

fn part(seen: &Seen) -> Option<Part> {
    match seen.of {
        Source::Projection(projection) if seen.step.is_none() => Some(Part {
            projection,
            first: seen.first,
        }),
        _ => None,
    }
}

fn all_units(size: i64) -> Vec<Factor> {
    match size {
        1 => Vec::new(),
        size => vec![Factor::Units { stride: 1, size }],
    }
}

/// The number of heads, which stand one after the other.
fn n_heads(dims: &[Vec<Factor>], width: i64) -> Told<i64> {
    let is_units = |factor: &&Factor| matches!(factor, Factor::Units { .. });
    let units: Vec<_> = dims.iter().flatten().filter(is_units).collect();
    match units[..] {
        [] => Ok(1),
        [&Factor::Units { stride, size }] if stride == width => Ok(size),
        _ => Err(format!(
            "the heads of an attention are {dims:?}, not one after the other"
        )),
    }
}
