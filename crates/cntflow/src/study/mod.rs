//! The study file and the checked plan made of it. Nothing after this folder looks at the file
//! again.

pub(crate) mod evaluation_plan;
pub(crate) mod last_checkpoints;
pub(crate) mod limits;
pub(crate) mod measure_plan;
pub(crate) mod plan;
pub(crate) mod population_choices;
pub(crate) mod populations;
mod populations_section;
pub(crate) mod probe;
pub(crate) mod scale;
mod study_file;
