//! The study: what was run, and when. The page gives its facts as a list.

use crate::section::{Context, Section};

pub(super) fn section(context: &Context<'_>) -> Section {
    let mut section = Section::new("study", "The study");
    section.facts = context.report.facts.to_vec();
    section.options = context.report.options.to_vec();
    section
}
