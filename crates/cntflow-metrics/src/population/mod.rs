//! Populations of networks: samples of any size in bounded memory, their densities, and the
//! divergences of these.
//!
//! A [`SampleSummary`] holds the values of a population. Summaries merge in any order to the same
//! result. A [`Density`] is that of `scipy.stats.gaussian_kde`; [`Divergences`] and [`wasserstein`]
//! compare two populations. [`NetworkHistograms`] says how far random sets of the same networks
//! differ. [`AccuracyBins`] groups networks into populations, [`layer_samples`] gives the values of
//! each network, and [`pooled_by_role`] makes those of different shapes comparable.

mod accuracy_bins;
mod bins;
mod builder;
mod compare;
mod density;
mod density_table;
mod divergence;
mod dyadic;
mod encode;
mod grid;
mod layer_samples;
mod network_histograms;
mod roles;
mod sample_points;
mod summary;
mod tail;
mod wasserstein;

pub use accuracy_bins::{AccuracyBins, DEFAULT_WIDTH};
pub use builder::SampleBuilder;
pub use compare::{Compared, Curve, compare};
pub use density::{Density, NoDensity};
pub use divergence::{Comparison, Divergences};
pub use encode::DecodeError;
pub use grid::{GRID_POINTS, Grid};
pub use layer_samples::{
    LayerSample, SampleScale, ValueSource, architecture_signature, layer_samples,
};
pub use network_histograms::{NetworkHistograms, NetworkSum};
pub use roles::pooled_by_role;
pub use sample_points::{SAMPLE_POINTS, SamplePoints};
pub use summary::{EXACT_VALUES, MAX_BINS, SampleSummary};
pub use wasserstein::wasserstein;
