//! Rows of an experiment as frames, with the columns that `cntflow_tables::schema::experiments`
//! declares. Writing a table checks names, order and types.

mod columns;
mod designs;
mod features;
mod fits;
mod folds;
mod predictions;
mod results;

pub use fits::{fits_from_frame, fits_to_frame};
