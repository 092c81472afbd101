//! Outputs of earlier layers side by side.

use super::{Joinable, NewLinks, NewNeurons, Output, Plan};
use crate::program::Stage;
use crate::{LayerKind, Links, NetworkError, Shape};

impl Plan {
    /// Adds a layer of neurons that has those of the earlier layers `from` side by side.
    pub(super) fn concat(&mut self, from: &[String], name: &str) -> Result<(), NetworkError> {
        let sources = from.iter().map(|from| self.output(from, name));
        let sources: Vec<Output> = sources.collect::<Result<_, _>>()?;
        let shape = joined_shape(&sources, name)?;
        self.push_neurons(NewNeurons {
            name,
            kind: LayerKind::Concat,
            shape,
            activation: None,
        })?;
        let mut first_channel = 0;
        for (index, source) in sources.into_iter().enumerate() {
            let channels = source.shape.channels();
            let links = Links::Beside {
                channels,
                positions: shape.positions(),
            };
            let links = NewLinks::new(&format!("{name}.{index}"), links, None, None);
            let index = self.push_links(links, source)?;
            self.graph.links[index].first_neurons[0] = first_channel;
            self.push_stage(Stage::Beside {
                source: source.source(),
                first: first_channel * shape.positions(),
            });
            first_channel += channels;
        }
        self.default_to_linear();
        self.joinable = Joinable::Activation;
        Ok(())
    }
}

/// The shape of outputs side by side.
fn joined_shape(sources: &[Output], name: &str) -> Result<Shape, NetworkError> {
    let mut shapes = sources.iter().map(|source| source.shape);
    let first = shapes.next().ok_or_else(|| NetworkError::NotPositive {
        layer: name.to_owned(),
        what: "number of layers side by side",
        found: vec![0],
    })?;
    shapes.try_fold(first, |before, next| {
        join(before, next).ok_or_else(|| NetworkError::Concat {
            layer: name.to_owned(),
            before: before.to_string(),
            next: next.to_string(),
        })
    })
}

/// The shape of two outputs side by side; `None` if they differ in their places or steps.
fn join(before: Shape, next: Shape) -> Option<Shape> {
    let sum = before.channels().checked_add(next.channels())?;
    match (before, next) {
        (Shape::Units(_), Shape::Units(_)) => Some(Shape::Units(sum)),
        (Shape::Steps { steps, .. }, Shape::Steps { steps: other, .. }) if steps == other => {
            Some(Shape::Steps { steps, units: sum })
        }
        (
            Shape::Spatial { rows, columns, .. },
            Shape::Spatial {
                rows: other_rows,
                columns: other_columns,
                ..
            },
        ) if [rows, columns] == [other_rows, other_columns] => Some(Shape::Spatial {
            channels: sum,
            rows,
            columns,
        }),
        _ => None,
    }
}
