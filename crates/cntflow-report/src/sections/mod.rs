//! The sections of the page. Each asks its tables and gives its figures.

mod densities;
mod divergences;
mod experiments;
mod fluctuation;
mod graphs;
mod population;
mod study;
mod trajectories;

use crate::error::ReportError;
use crate::section::{Context, Section};

/// All sections that have something to show, in their order.
///
/// # Errors
/// A table cannot be read.
pub(crate) fn all(context: &Context<'_>) -> Result<Vec<Section>, ReportError> {
    let mut sections = vec![study::section(context)];
    let makers = [
        population::section,
        densities::section,
        divergences::section,
        fluctuation::section,
        trajectories::section,
        graphs::section,
    ];
    for make in makers {
        sections.extend(make(context)?);
    }
    sections.extend(experiments::sections(context)?);
    Ok(sections)
}
