//! Populations of networks: samples of any size in bounded memory, their densities, and how far these are apart.
//!
//! A population's values are gathered into a [`SampleSummary`], merged in any order to the same result; its [`Density`] is that of
//! `scipy.stats.gaussian_kde`, [`Divergences`] and [`wasserstein`] compare two of them. [`AccuracyBins`] says which networks are taken
//! together, [`layer_samples`] what is taken of each.

mod accuracy_bins;
mod bins;
mod builder;
mod compare;
mod density;
mod divergence;
mod encode;
mod feed;
mod grid;
mod place;
mod summary;
mod table;
mod tail;
mod wasserstein;

pub use accuracy_bins::{AccuracyBins, DEFAULT_WIDTH};
pub use builder::SampleBuilder;
pub use compare::{Compared, Curve, compare};
pub use density::{Density, NoDensity};
pub use divergence::{Comparison, Divergences};
pub use encode::DecodeError;
pub use feed::{LayerSample, Source, layer_samples, shape_of};
pub use grid::{GRID_POINTS, Grid};
pub use summary::{EXACT_VALUES, MAX_BINS, SampleSummary};
pub use wasserstein::wasserstein;
