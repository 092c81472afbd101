//! The population: which networks there are, and which are not.

use maud::Markup;
use polars::prelude::{DataFrame, PolarsError};

use crate::error::ReportError;
use crate::figure::{Figure, FigureSpec, Question};
use crate::rows::{finite, groups, texts};
use crate::section::{Context, Section, quoted, text};
use crate::svg::{Canvas, Drawing, Legend, Linear, PanelSpec, Scale, Side, all, bar, size_on};

/// The last checkpoint of each run, in a query: of several at its last step, the last by name.
pub(super) const LAST: &str = "INNER JOIN (SELECT MAX(checkpoint) AS checkpoint FROM networks INNER JOIN (SELECT run, MAX(step) AS step FROM networks GROUP BY run) AS latest USING (run, step) GROUP BY run) AS last_of_runs USING (checkpoint)";

/// The label that tells kinds of networks apart.
pub(super) const KIND: &str = "layer_type";

/// Bins of a histogram, at least.
const BINS: f64 = 20.0;

pub(super) fn section(context: &Context<'_>) -> Result<Option<Section>, ReportError> {
    if !context.tables.has("networks") {
        return Ok(None);
    }
    let section = Section::new("population", "Population")
        .with(statuses(context)?)
        .with(reasons(context)?)
        .with(histogram(context)?)
        .with(varied(context)?)
        .with(steps(context)?);
    Ok(Some(section))
}

fn statuses(context: &Context<'_>) -> Result<Option<Figure>, ReportError> {
    let spec = FigureSpec {
        id: "statuses",
        title: "Checkpoints by status",
        description: "ok: measured. failed: there is a file, but no numbers of it. skipped: there \
                      are no weights, for example of a run that diverged.",
        sql: "SELECT status, COUNT(*) AS checkpoints, COUNT(DISTINCT run) AS runs FROM networks \
              GROUP BY status ORDER BY status"
            .to_owned(),
    };
    spec.table(context.tables)
}

fn reasons(context: &Context<'_>) -> Result<Option<Figure>, ReportError> {
    let spec = FigureSpec {
        id: "reasons",
        title: "Why some are missing or incomplete",
        description: "Reasons of checkpoints that failed, were skipped, or lack some metrics, the \
                      most frequent first.",
        sql: "SELECT status, reason, COUNT(*) AS checkpoints FROM networks WHERE reason IS NOT \
              NULL GROUP BY status, reason ORDER BY checkpoints DESC, reason LIMIT 100"
            .to_owned(),
    };
    spec.table(context.tables)
}

fn histogram(context: &Context<'_>) -> Result<Option<Figure>, ReportError> {
    let Some(label) = context.label() else {
        return Ok(None);
    };
    let Some((low, width)) = bins(context, label)? else {
        return Ok(None);
    };
    let kind = if context.has_column(KIND) {
        KIND
    } else {
        "status"
    };
    let column = quoted(label);
    let spec = FigureSpec {
        id: "histogram",
        title: &format!("{label} by {kind}"),
        description: "The last checkpoint of each run. Bars of the kinds stand on each other.",
        // The highest value belongs to the last bin.
        sql: format!(
            "SELECT kind, bin, COUNT(*) AS networks FROM (SELECT {kind} AS kind, \
             LEAST(FLOOR(({column} - {low:?}) / {width:?}), {last:?}) AS bin FROM networks {LAST} \
             WHERE {column} IS NOT NULL) AS binned GROUP BY kind, bin ORDER BY bin, kind",
            kind = quoted(kind),
            last = BINS - 1.0,
        ),
    };
    spec.draw(context.tables, context.columns, |canvas, frame| {
        stacked(canvas, frame, (kind, label), (low, width))
    })
}

/// The lower end of the first bin of a label and the width of each.
fn bins(context: &Context<'_>, label: &str) -> Result<Option<(f64, f64)>, ReportError> {
    let column = quoted(label);
    let sql = format!("SELECT MIN({column}) AS low, MAX({column}) AS high FROM networks");
    let ends = Question {
        about: "ends of the label",
        sql,
    };
    let Some(ends) = ends.answer(context.tables)? else {
        return Ok(None);
    };
    let (low, high) = (finite(&ends, "low")?, finite(&ends, "high")?);
    let (Some(low), Some(high)) = (low[0], high[0]) else {
        return Ok(None);
    };
    // Bins of values without an end have no width.
    if !(high - low).is_finite() {
        return Ok(None);
    }
    if low >= 0.0 && high <= 1.0 {
        return Ok(Some((0.0, 1.0 / BINS)));
    }
    let width = if high > low { (high - low) / BINS } else { 1.0 };
    Ok(Some((low, width)))
}

fn stacked(
    canvas: Canvas,
    frame: &DataFrame,
    (kind, label): (&str, &str),
    (low, width): (f64, f64),
) -> Result<Drawing, PolarsError> {
    let (kinds, kind_of) = groups(&texts(frame, "kind")?);
    let bins = finite(frame, "bin")?;
    let counts = finite(frame, "networks")?;
    let rows = bins.iter().zip(&counts).zip(&kind_of);
    let rows: Vec<(f64, f64, usize)> = rows
        .filter_map(|((bin, count), kind)| Some(((*bin)?, (*count)?, *kind)))
        .collect();
    let bin_low = |bin: f64| low + bin * width;
    let total = |of: f64| -> f64 {
        let same = rows.iter().filter(|(bin, ..)| *bin == of);
        same.map(|(_, count, _)| count).sum()
    };
    let highest = rows.iter().map(|(bin, ..)| total(*bin));
    let ends = rows
        .iter()
        .flat_map(|(bin, ..)| [bin_low(*bin), bin_low(bin + 1.0)]);
    let size = size_on(canvas, (900.0, 300.0));
    let x = Side::new(Scale::Linear(Linear::of(ends)), label);
    let y = Side::new(Scale::Linear(Linear::of(highest.chain([0.0]))), "networks");
    let panel = PanelSpec::alone(size, x, y).on(canvas);
    let mut base = std::collections::BTreeMap::new();
    let bars = rows.iter().map(|&(bin, count, of)| {
        let base = base.entry(bin as i64).or_insert(0.0);
        let (from, to) = (*base, *base + count);
        *base = to;
        let about = format!(
            "{}, {label} from {} to {}: {count} networks",
            kinds[of],
            crate::number::real(bin_low(bin)),
            crate::number::real(bin_low(bin + 1.0)),
        );
        bar(
            &panel,
            (bin_low(bin), bin_low(bin + 1.0)),
            (from, to),
            &canvas.fill(of),
            &about,
        )
    });
    let bars: Vec<Markup> = bars.collect();
    let legend = Legend::of_kinds(canvas, kind, kinds.iter().cloned());
    let about = (
        &*format!("Histogram of {label}"),
        "Number of networks in each bin, by kind.",
    );
    let content = panel.draw(&all(&bars));
    Ok(Drawing::new("histogram", about, size, legend, content))
}

fn varied(context: &Context<'_>) -> Result<Option<Figure>, ReportError> {
    let labels = context.report.labels.iter();
    let labels = labels.filter(|label| context.has_column(label));
    let of_label = labels.map(|label| {
        let (name, column) = (text(label), quoted(label));
        format!(
            "SELECT {name} AS label, COUNT(DISTINCT {column}) AS values, CAST(MIN({column}) AS \
             VARCHAR) AS lowest, CAST(MAX({column}) AS VARCHAR) AS highest FROM networks"
        )
    });
    let of_labels: Vec<String> = of_label.collect();
    if of_labels.is_empty() {
        return Ok(None);
    }
    let spec = FigureSpec {
        id: "labels",
        title: "Labels that differ",
        description: "Hyperparameters and outcomes with more than one value. Labels that are the \
                      same everywhere are left out.",
        sql: format!(
            "SELECT * FROM ({}) AS labels WHERE values > 1 ORDER BY label",
            of_labels.join(" UNION ALL ")
        ),
    };
    spec.table(context.tables)
}

fn steps(context: &Context<'_>) -> Result<Option<Figure>, ReportError> {
    let spec = FigureSpec {
        id: "steps",
        title: "Runs at each step",
        description: "Runs that have a checkpoint of the step. Runs may end at different steps, or \
                      save at different ones.",
        sql: "SELECT step, COUNT(DISTINCT run) AS runs FROM networks GROUP BY step ORDER BY step"
            .to_owned(),
    };
    spec.table(context.tables)
}
