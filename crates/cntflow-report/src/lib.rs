#![doc = include_str!("../README.md")]

mod error;
mod explorer;
mod figure;
mod frame_table;
mod number;
mod page;
mod report;
mod rows;
mod section;
mod sections;
mod svg;

pub use error::ReportError;
pub use report::{Fact, Report};
