//! Complex Network Theory metrics of a network: link weights, node strengths, layer fluctuation, neuron strengths and
//! activations, each as a whole distribution.
//!
//! Definitions follow "Deep Neural Networks as Complex Networks" (arXiv 2209.05488) and its companions (arXiv 2110.02628 and
//! 2404.11172); what they leave open is an option of [`MeasureOptions`]. All sums are taken in f64.
//!
//! This crate opens no files, starts no threads and prints nothing.
//!
//! ```
//! use cntflow_metrics::{MeasureOptions, Metric, measure};
//! use cntflow_network::{Network, Tensor};
//!
//! // Two inputs, one output: s_in = 2 - 1 + 0.5.
//! let architecture = serde_json::from_str(r#"{"input": [2], "layers": [{"kind": "dense", "units": 1}]}"#)?;
//! let network = Network::new(architecture, |tensor| match tensor {
//!     "layer0.weight" => Some(Tensor::borrowed(&[1, 2], &[2.0, -1.0])),
//!     _ => Some(Tensor::borrowed(&[1], &[0.5])),
//! })?;
//! let metrics = measure(&network, &MeasureOptions::default());
//! assert_eq!(metrics.neurons[1].s_in, [1.5]);
//! let weights = &metrics.layers.iter().find(|row| row.metric == Metric::LinkWeights).unwrap().summary;
//! assert_eq!((weights.count, weights.mean, weights.q50), (3, 0.5, 0.5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bins;
mod columns;
mod counts;
mod data;
mod error;
mod fluctuation;
mod leading_bits;
mod links;
mod measure;
mod metric;
mod moments;
mod options;
mod order;
mod passes;
mod pools;
pub mod population;
mod positions;
mod result;
mod rows;
mod running;
mod sample;
mod scan;
mod sketch;
mod strengths;
mod summary;
mod sums;
mod tensors;

pub use counts::EXACT_QUANTILES;
pub use error::MetricsError;
pub use measure::{measure, measure_with_inputs};
pub use metric::Metric;
pub use options::{Bias, Boundary, ConvGraph, MeasureOptions, Padding, Precision, Residual};
pub use result::{LayerRow, NetworkMetrics, NeuronColumns, NeuronData, Seen};
pub use sketch::QuantileSketch;
pub use summary::{QUANTILES, Summary};
pub use tensors::{WeightTensor, measure_tensors};
