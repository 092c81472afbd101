//! Layers that change the shape alone: flattening, reshaping, permuting.

use cntflow_network::{Layer, Steps, StepsOf};
use serde::Deserialize;

use super::config::KerasLayer;
use super::shape::Shape;
use super::translator::Translator;
use crate::error::{Translated, unsupported};

#[derive(Deserialize)]
struct PermuteSettings {
    dims: Vec<usize>,
}

#[derive(Deserialize)]
struct ReshapeSettings {
    target_shape: Vec<i64>,
}

impl Translator<'_> {
    pub(super) fn flatten(&mut self) -> Translated<()> {
        let flat = match self.current.shape {
            Shape::Units(..) => return Ok(()),
            Shape::Image(spatial) | Shape::Line(spatial) => {
                Shape::Units(spatial.n_values()?, Some(spatial))
            }
            Shape::Steps { steps, units } => {
                let n = steps.checked_mul(units);
                Shape::Units(
                    n.ok_or_else(|| unsupported("it has too many values"))?,
                    None,
                )
            }
        };
        self.push(Layer::Flatten, flat);
        Ok(())
    }

    /// A permutation, of which only the one that changes nothing can be expressed.
    pub(super) fn permute(&mut self, layer: &KerasLayer) -> Translated<()> {
        let dims = layer.settings::<PermuteSettings>()?.dims;
        let shape = self.current.shape.channels_last();
        if !dims.iter().copied().eq(1..=shape.len()) {
            let reason = format!("the order {dims:?} cannot be expressed");
            return Err(unsupported(reason));
        }
        self.reshape_to(&shape)
    }

    /// A reshaping that changes nothing, flattens, or takes the rows of an image of one channel for
    /// steps.
    pub(super) fn reshape(&mut self, layer: &KerasLayer) -> Translated<()> {
        let before = self.current.shape.channels_last();
        let target = layer.settings::<ReshapeSettings>()?.target_shape;
        let after = closed(&target, &before)?;
        self.reshape_to(&after)
    }

    fn reshape_to(&mut self, after: &[usize]) -> Translated<()> {
        let before = self.current.shape.channels_last();
        match (self.current.shape, after) {
            _ if after == before => Ok(()),
            (_, [_]) => self.flatten(),
            (Shape::Image(spatial), &[rows, columns])
                if spatial.channels == 1 && spatial.sizes == [rows, columns] =>
            {
                let of = StepsOf::Rows;
                let sequence = Shape::Steps {
                    steps: rows,
                    units: columns,
                };
                self.push(Layer::Steps(Steps { of }), sequence);
                Ok(())
            }
            _ => Err(unsupported(format!(
                "a reshaping of {before:?} to {after:?} cannot be expressed"
            ))),
        }
    }
}

/// A target shape whose open size, written as -1, follows from the others.
fn closed(target: &[i64], before: &[usize]) -> Translated<Vec<usize>> {
    let known = target.iter().filter_map(|&size| usize::try_from(size).ok());
    let open = product(before.iter().copied())
        .zip(product(known))
        .and_then(|(all, known)| all.checked_div(known));
    let open = open.ok_or_else(|| {
        unsupported(format!(
            "a reshaping of {before:?} to {target:?} cannot be expressed"
        ))
    })?;
    let sizes = target
        .iter()
        .map(|&size| usize::try_from(size).unwrap_or(open));
    Ok(sizes.collect())
}

fn product(mut sizes: impl Iterator<Item = usize>) -> Option<usize> {
    sizes.try_fold(1_usize, usize::checked_mul)
}
