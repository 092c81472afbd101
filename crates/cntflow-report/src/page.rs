//! The page around the sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use polars::prelude::PolarsError;

use crate::error::ReportError;
use crate::explorer::{Script, explorer};
use crate::live;
use crate::report::{Fact, Report};
use crate::section::{Context, Section};
use crate::sections;

const STYLE: &str = include_str!("page.css");

/// Nothing is loaded from anywhere. Scripts and styles are those of the page; downloads are blobs.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data: blob:; worker-src 'none'; connect-src 'none'; form-action \
                      'none'; base-uri 'none'";

impl Report<'_> {
    /// The page.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn html(&self) -> Result<String, ReportError> {
        self.page(None)
    }

    /// The page as a server of it sends it: it asks the server for its state, and renews itself
    /// once the version there is another one than `version`.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn live_html(&self, version: &str) -> Result<String, ReportError> {
        self.page(Some(version))
    }

    fn page(&self, version: Option<&str>) -> Result<String, ReportError> {
        let context = Context::new(self);
        let sections = sections::all(&context)?;
        self.page_of(&context, &sections, version)
    }

    /// The page with these sections; with a version, as a server sends it.
    pub(crate) fn page_of(
        &self,
        context: &Context<'_>,
        sections: &[Section],
        version: Option<&str>,
    ) -> Result<String, ReportError> {
        let script = version.map_or(Script::Own, |_| Script::OfPage);
        let explorer = explorer(context, script)?;
        Ok(page(self, sections, explorer.as_ref(), version)?.into_string())
    }
}

/// The whole page.
///
/// # Errors
/// A cell of a table cannot be read.
fn page(
    report: &Report<'_>,
    sections: &[Section],
    explorer: Option<&Markup>,
    version: Option<&str>,
) -> Result<Markup, PolarsError> {
    let sections_html: Vec<Markup> = sections.iter().map(section).collect::<Result<_, _>>()?;
    let policy = version.map_or(POLICY, |_| live::POLICY);
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.name) " · cntflow" }
                style { (PreEscaped(STYLE)) }
                @if version.is_some() { (live::head()) }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    h1 { (report.name) }
                    p { "Networks as graphs: what Complex Network Theory tells of them." }
                    nav aria-label="Sections" {
                        ul {
                            @for section in sections {
                                li { a href=(format!("#{}", section.id)) { (section.title) } }
                            }
                            @if explorer.is_some() { li { a href="#explore" { "Explore" } } }
                        }
                    }
                    @if let Some(version) = version { (live::status(version)) }
                }
                main id="content" {
                    @for section in &sections_html { (section) }
                    @if let Some(explorer) = explorer { (explorer) }
                }
                @if version.is_some() { (live::script()) }
            }
        }
    })
}

fn section(section: &Section) -> Result<Markup, PolarsError> {
    let figures: Vec<Markup> = section
        .figures
        .iter()
        .map(|figure| figure.html())
        .collect::<Result<_, _>>()?;
    let heading = format!("{}-heading", section.id);
    Ok(html! {
        section id=(section.id) aria-labelledby=(heading) {
            h2 id=(heading) { (section.title) }
            (facts(&section.facts))
            @if !section.options.is_empty() {
                details { summary { "How the networks were measured" } (facts(&section.options)) }
            }
            @for sentence in &section.sentences { p { (sentence) } }
            @for figure in &figures { (figure) }
        }
    })
}

fn facts(facts: &[Fact]) -> Markup {
    html! {
        @if !facts.is_empty() {
            dl {
                @for fact in facts { dt { (fact.name) } dd { (fact.value) } }
            }
        }
    }
}
