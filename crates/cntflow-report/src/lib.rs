#![doc = include_str!("../README.md")]

mod error;
mod explorer;
mod figure;
mod frame_table;
mod live;
mod number;
mod page;
mod paper_figures;
mod picture;
mod report;
mod rows;
mod section;
mod sections;
mod svg;

pub use error::ReportError;
pub use live::POLICY as LIVE_POLICY;
pub use paper_figures::{PaperDrawing, PaperFigure};
pub use picture::PictureError;
pub use report::{Fact, NetworkName, Report};
pub use svg::Column;
