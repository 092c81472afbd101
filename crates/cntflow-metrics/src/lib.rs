#![doc = include_str!("../README.md")]

mod activations;
mod error;
mod graph_links;
mod kernel;
mod measure;
mod metric;
mod moments;
mod options;
pub mod population;
mod quantiles;
mod result;
mod rows;
mod sample;
mod strengths;
mod summary;
mod tensors;

pub use error::MetricsError;
pub use measure::{measure, measure_with_inputs};
pub use metric::Metric;
pub use options::{Bias, Boundary, ConvGraph, MeasureOptions, Padding, Precision, Residual};
pub use quantiles::{MAX_WEIGHTS_FOR_EXACT_QUANTILES, QUANTILES, QuantileSketch};
pub use result::{LayerRow, NetworkMetrics, NeuronColumns, NeuronData, NeuronStatistics};
pub use summary::Summary;
pub use tensors::{WeightTensor, measure_tensors};
