//! What changes the shape between layers: global poolings, flattening, reshaping.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shape::Shape;
use super::{Chain, Node};

impl Chain<'_> {
    pub(super) fn global_pool(&mut self, node: &Node, kind: &str) -> Result<(), String> {
        if node.config.get("keepdims") == Some(&Value::Bool(true)) {
            return Err(node.says("keepdims cannot be expressed"));
        }
        match self.at.shape {
            Shape::Image(places) | Shape::Line(places) => {
                let shape = Shape::Units(places.channels, None);
                self.push(node, json!({"kind": kind}), shape);
            }
            Shape::Steps { units, .. } if kind == "global_average_pool" => {
                let layer = json!({"kind": "take_step", "which": "mean"});
                self.push_unnamed(layer, Shape::Units(units, None));
            }
            shape => {
                let shape = shape.channels_last();
                return Err(node.says(format!("behind an output {shape:?} it cannot be expressed")));
            }
        }
        Ok(())
    }

    pub(super) fn flatten(&mut self, node: &Node) -> Result<(), String> {
        let shape = match self.at.shape {
            Shape::Units(..) => return Ok(()),
            Shape::Image(places) | Shape::Line(places) => {
                let n = places.n_values().map_err(|text| node.says(text))?;
                Shape::Units(n, Some(places))
            }
            Shape::Steps { steps, units } => {
                let n = steps.checked_mul(units);
                Shape::Units(n.ok_or_else(|| node.says("it has too many values"))?, None)
            }
        };
        self.push_unnamed(json!({"kind": "flatten"}), shape);
        Ok(())
    }

    /// A reshaping that changes nothing, flattens, takes the rows of an image of one channel for steps, or the other way the input.
    pub(super) fn reshape(&mut self, node: &Node) -> Result<(), String> {
        let before = self.at.shape.channels_last();
        let after = match &*node.class {
            "Permute" => {
                let dims: Vec<usize> = node.settings::<Permute>()?.dims;
                match dims.iter().copied().eq(1..=before.len()) {
                    true => before.clone(),
                    false => {
                        return Err(node.says(format!("the order {dims:?} cannot be expressed")));
                    }
                }
            }
            _ => self.target(node, &before)?,
        };
        match (self.at.shape, after.as_slice()) {
            _ if after == before => Ok(()),
            (_, [_]) => self.flatten(node),
            (Shape::Image(places), &[rows, columns])
                if places.channels == 1 && places.sizes == [rows, columns] =>
            {
                let shape = Shape::Steps {
                    steps: rows,
                    units: columns,
                };
                self.push_unnamed(json!({"kind": "steps", "of": "rows"}), shape);
                Ok(())
            }
            _ => Err(node.says(format!("{before:?} as {after:?} cannot be expressed"))),
        }
    }

    /// The shape that a `Reshape` asks for, with its one open size told by the others.
    fn target(&self, node: &Node, before: &[usize]) -> Result<Vec<usize>, String> {
        let target = node.settings::<Reshape>()?.target_shape;
        let told = target.iter().filter_map(|&size| usize::try_from(size).ok());
        let open = product(before.iter().copied())
            .zip(product(told))
            .and_then(|(all, known)| all.checked_div(known));
        let open = open.ok_or_else(|| node.says(format!("{before:?} as {target:?}")))?;
        let sizes = target
            .iter()
            .map(|&size| usize::try_from(size).unwrap_or(open));
        Ok(sizes.collect())
    }
}

fn product(mut sizes: impl Iterator<Item = usize>) -> Option<usize> {
    sizes.try_fold(1_usize, usize::checked_mul)
}

#[derive(Deserialize)]
struct Permute {
    dims: Vec<usize>,
}

#[derive(Deserialize)]
struct Reshape {
    target_shape: Vec<i64>,
}
