//! Zeros that a layer of their own puts around places. They are part of the padding of the convolution or pooling behind it; behind
//! anything else they cannot be expressed.

use serde::Deserialize;
use serde_json::Value;

use super::shape::Shape;
use super::window::{Padding, Window};
use super::{Chain, Node};

/// Zeros before and after rows and columns.
pub(super) type Pads = [[usize; 2]; 2];

/// No zeros.
pub(super) const NONE: Pads = [[0, 0]; 2];

/// Classes that take places with zeros around, or pass them on.
const TAKING: [&str; 10] = [
    "ZeroPadding1D",
    "ZeroPadding2D",
    "Conv1D",
    "Conv2D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "AveragePooling1D",
    "AveragePooling2D",
];

/// Activations that give nothing less than zero, of which zeros around are never the largest alone.
const NEVER_LESS: [&str; 4] = ["relu", "sigmoid", "softplus", "softmax"];

#[derive(Deserialize)]
struct ZeroSettings {
    padding: Zeros,
}

/// The same on all sides, a pair, or a pair for rows and one for columns.
#[derive(Deserialize)]
#[serde(untagged)]
enum Zeros {
    All(usize),
    Pair([usize; 2]),
    Sides(Pads),
}

impl Zeros {
    /// A pair is of both sides of a line, of an image for rows and columns.
    fn pads(&self, line: bool) -> Option<Pads> {
        match (self, line) {
            (Self::All(n), true) => Some([[0, 0], [*n; 2]]),
            (Self::All(n), false) => Some([[*n; 2]; 2]),
            (Self::Pair(sides), true) => Some([[0, 0], *sides]),
            (Self::Pair([rows, columns]), false) => Some([[*rows; 2], [*columns; 2]]),
            (Self::Sides(pads), false) => Some(*pads),
            (Self::Sides(_), true) => None,
        }
    }
}

impl Chain<'_> {
    /// Refuses zeros before a layer that does not take them.
    pub(super) fn refuse_zeros(&self, node: &Node) -> Result<(), String> {
        match self.at.zeros == NONE || TAKING.contains(&&*node.class) {
            true => Ok(()),
            false => Err(node.says(
                "zeros around its input can be expressed of convolutions and poolings alone",
            )),
        }
    }

    /// Puts zeros around places; there is no layer of them in the architecture.
    pub(super) fn zeros(&mut self, node: &Node) -> Result<(), String> {
        let settings: ZeroSettings = node.settings()?;
        let line = match self.at.shape {
            Shape::Line(_) => true,
            Shape::Image(_) => false,
            shape => {
                let shape = shape.channels_last();
                return Err(node.says(format!("an output {shape:?} before it has no places")));
            }
        };
        let pads = settings.padding.pads(line);
        let pads = pads.ok_or_else(|| node.says("it pads other than two sides of a line"))?;
        for (sides, more) in self.at.zeros.iter_mut().flatten().zip(pads.as_flattened()) {
            *sides = sides
                .checked_add(*more)
                .ok_or_else(|| node.says("it puts too many zeros around"))?;
        }
        Ok(())
    }

    /// All zeros around the places that a window slides over, its own padding and those put there before, and what comes out.
    pub(super) fn padded(
        &self,
        node: &Node,
        window: &Window,
        padding: Padding,
    ) -> Result<(Pads, [usize; 2]), String> {
        let (mut pads, mut sizes) = (self.at.zeros, window.places.sizes);
        let slides = window.slides().into_iter();
        for ((slide, pads), size) in slides.zip(&mut pads).zip(&mut sizes) {
            let whole = pads.iter().try_fold(*size, |all, &n| all.checked_add(n));
            let whole = whole.ok_or_else(|| node.says("too many zeros are around its input"))?;
            let (own, out) = slide.over(whole, padding).map_err(|text| node.says(text))?;
            *pads = [
                pads[0].saturating_add(own[0]),
                pads[1].saturating_add(own[1]),
            ];
            *size = out;
        }
        Ok((pads, sizes))
    }

    /// Whether a pooling sees zeros around as the architecture's own does: the largest value is never one of them alone, and means
    /// count them where there is no other padding.
    pub(super) fn pools_zeros(&self, kind: &str, padding: Padding) -> bool {
        let last = self
            .layers
            .last()
            .filter(|_| self.at.place == self.layers.len());
        let activation = last.and_then(|layer| layer.get("activation"));
        let activation = activation.and_then(Value::as_str).unwrap_or_default();
        match kind {
            "max_pool" => NEVER_LESS.contains(&activation),
            _ => padding == Padding::Valid,
        }
    }
}
