//! What a panel shows, and how large it is.

use super::scale::Scale;

/// What a panel shows, and where.
pub(crate) struct PanelSpec {
    /// Above it; empty for none.
    pub(crate) title: String,
    /// Left end of its place in the drawing, with the axis.
    pub(crate) left: f64,
    /// Upper end of its place, with the title.
    pub(crate) top: f64,
    /// Width of its place.
    pub(crate) width: f64,
    /// Height of its place.
    pub(crate) height: f64,
    /// The axis below.
    pub(crate) x: Side,
    /// The axis at the left.
    pub(crate) y: Side,
}

/// An axis and its title.
pub(crate) struct Side {
    pub(crate) scale: Scale,
    pub(crate) title: String,
}

impl Side {
    /// An axis.
    pub(crate) fn new(scale: Scale, title: impl Into<String>) -> Self {
        Self {
            scale,
            title: title.into(),
        }
    }
}

impl PanelSpec {
    /// A panel of the whole drawing.
    pub(crate) fn alone((width, height): (f64, f64), x: Side, y: Side) -> Self {
        Self {
            title: String::new(),
            left: 0.0,
            top: 0.0,
            width,
            height,
            x,
            y,
        }
    }
}
