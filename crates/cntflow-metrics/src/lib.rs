#![doc = include_str!("../README.md")]

mod activations;
mod change;
mod error;
mod graph_links;
mod kernel;
mod measure;
mod metric;
mod moments;
mod options;
mod outputs;
pub mod population;
mod quantiles;
mod result;
mod rows;
mod sample;
mod strengths;
mod strongest;
mod summary;
mod tensors;

pub use change::{ChangeRows, StrengthChange, ValuesChange, change_rows, tensor_change_rows};
pub use error::MetricsError;
pub use measure::{
    MeasuredPart, OneByOne, RunParts, measure, measure_in_parts, measure_part, measure_with_inputs,
    measure_with_labels, measure_with_labels_in_parts,
};
pub use metric::Metric;
pub use options::{Bias, Boundary, ConvGraph, MeasureOptions, Padding, Precision, Residual};
pub use outputs::Labels;
pub use quantiles::{MAX_WEIGHTS_FOR_EXACT_QUANTILES, QUANTILES, QuantileSketch};
pub use result::{
    KnownGraph, LayerRow, LinkEnd, NetworkMetrics, NeuronColumns, NeuronData, NeuronStatistics,
    StrongLink, StrongestLinks,
};
pub use summary::Summary;
pub use tensors::{WeightTensor, measure_tensors};
