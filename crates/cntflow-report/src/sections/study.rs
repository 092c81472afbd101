//! The study: what was run, and when. The page gives its facts as a list.

use crate::section::{Context, Section};

pub(super) fn section(context: &Context<'_>) -> Section {
    let facts = context.report.facts.iter();
    let mut section = Section::new("study", "The study");
    section.facts = facts.cloned().collect();
    section
}
