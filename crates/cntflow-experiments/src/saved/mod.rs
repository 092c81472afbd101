//! Predict in use: trained models as files with a card, and their predictions for other networks.
//!
//! A model of an experiment is one JSON file with all that a prediction needs, and a card as text
//! beside it. It says of each network whether it is unlike the training networks, and whether it
//! was one of them.

mod card;
mod card_text;
mod error;
mod model_file;
mod network_check;
mod network_hashes;
mod networks;
mod predict;
mod prediction_counts;
mod saved_target;
mod train;
mod trained_model;
mod training_ranges;

pub use card::{ClassCount, ModelCard, NamedFigure, NetworkCounts, Rival};
pub use error::{Damage, MAX_NAMED_COLUMNS, SavedModelError};
pub use model_file::MODEL_VERSION;
pub use network_check::{COMMON_SHARE, MAX_MISSING_SHARE};
pub use prediction_counts::PredictionCounts;
pub use trained_model::TrainedModel;
