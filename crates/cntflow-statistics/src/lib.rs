#![doc = include_str!("../README.md")]

mod distribution;
mod error;
mod interval;
mod rank;
mod sorted_scores;

pub mod binary;
pub mod bootstrap;
pub mod calibration;
pub mod corrected_resampled;
pub mod delong;
pub mod equivalence;
pub mod granulated;
pub mod jackknife;
pub mod multiclass;
pub mod multiple;
pub mod mutual_information;
pub mod noise;
pub mod permutation;
pub mod quantile;
pub mod random;
pub mod rank_correlation;
pub mod regression;

pub use error::{Result, StatisticsError};
pub use interval::{Comparison, Confidence, Estimate, Method};
pub use sorted_scores::SortedScores;
