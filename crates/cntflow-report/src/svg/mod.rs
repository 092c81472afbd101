//! Drawing in SVG: scales, panels with axes, marks. A drawing is made for a canvas: the page, whose
//! style gives colours for light, dark and print, or a column of a paper.

mod canvas;
mod colours;
mod drawing;
mod graph;
mod layout;
mod legend;
mod look;
mod marks;
mod panel;
mod panel_spec;
mod paper;
mod scale;
mod simplify;
mod symbol;
mod text_width;

pub(crate) use canvas::Canvas;
pub use canvas::Column;
pub(crate) use colours::heat;
pub(crate) use drawing::{Drawing, all, size_on};
pub(crate) use graph::{Graph, GraphLayer, GraphLink, GraphRoom, graphs};
pub(crate) use legend::Legend;
pub(crate) use marks::{band_between, bar, cell, interval, line, point, rule};
pub(crate) use panel::Panel;
pub(crate) use panel_spec::{PanelSpec, Side};
pub(crate) use paper::Origin;
pub(crate) use scale::{Bands, Linear, Scale};
