//! Drawing in SVG: scales, panels with axes, marks. Colours are classes, so that the page's style
//! gives them for light, dark and print.

mod colours;
mod drawing;
mod marks;
mod panel;
mod scale;

pub(crate) use colours::{heat, low_to_high};
pub(crate) use drawing::{Legend, drawing};
pub(crate) use marks::{band_between, bar, cell, interval, line, point, rule};
pub(crate) use panel::{Panel, Side};
pub(crate) use scale::{Bands, Linear, Scale};
