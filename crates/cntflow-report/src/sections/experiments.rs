//! The experiments: scores with their baselines and twins, comparisons, controls.

use maud::{Markup, html};
use polars::prelude::{DataFrame, PolarsError};

use super::population::{fill, stroke};
use crate::error::ReportError;
use crate::figure::{Figure, FigureSpec, Question};
use crate::number;
use crate::rows::{finite, groups, texts};
use crate::section::{Context, Section, quoted, slug, text};
use crate::svg::{Bands, Legend, Linear, Panel, Scale, Side, bar, drawing, interval, line, rule};

/// The target of experiments that tell low from high performers.
const LOW_HIGH: &str = "low_high";

/// Columns of a classifier that are drawn.
const IMPORTANCES: usize = 15;

const WIDTH: f64 = 900.0;
const ROW: f64 = 22.0;

/// An experiment that is shown.
struct Experiment<'a> {
    context: &'a Context<'a>,
    name: String,
    /// By which it is judged.
    figure: &'static str,
    /// Whether it tells low from high performers.
    is_low_high: bool,
}

/// A section for each experiment.
pub(super) fn sections(context: &Context<'_>) -> Result<Vec<Section>, ReportError> {
    if !context.tables.has("scores") {
        return Ok(Vec::new());
    }
    let question = Question {
        about: "experiments",
        sql:
            "SELECT experiment, target, COUNT(auc) AS auc FROM scores GROUP BY experiment, target \
              ORDER BY experiment"
                .to_owned(),
    };
    let Some(all) = question.answer(context.tables)? else {
        return Ok(Vec::new());
    };
    let (names, targets) = (texts(&all, "experiment")?, texts(&all, "target")?);
    let has_auc = finite(&all, "auc")?;
    let sections = names.into_iter().enumerate().map(|(row, name)| {
        let experiment = Experiment {
            context,
            name,
            figure: figure_of(&targets[row], has_auc[row].is_some_and(|n| n > 0.0)),
            is_low_high: targets[row] == LOW_HIGH,
        };
        experiment.section()
    });
    sections.collect()
}

/// The column of the scores by which an experiment is judged. Those of several classes have no area
/// under one curve, but one of each pair of classes.
fn figure_of(target: &str, has_auc: bool) -> &'static str {
    match target {
        "regression" => "r2",
        "ranking" => "tau",
        _ if has_auc => "auc",
        _ => "auc_pairs",
    }
}

impl Experiment<'_> {
    fn section(&self) -> Result<Section, ReportError> {
        let verdicts = self.verdicts()?;
        let findings = match &verdicts {
            Some(verdicts) => findings(&verdicts.frame)?,
            None => Vec::new(),
        };
        let mut section = Section::new(&self.id("experiment"), format!("Experiment {}", self.name))
            .sentence(
                "Figures of a test set that nothing was chosen by, with intervals of 95%, which are \
                 not adjusted for the number of comparisons. A score alone shows little: what \
                 counts is the difference from the baselines and from the twins, below.",
            );
        section.sentences.extend(findings);
        let section = section
            .with(self.scores()?)
            .with(verdicts)
            .with(self.roc()?)
            .with(self.calibration()?)
            .with(self.confusion()?)
            .with(self.importance()?)
            .with(self.controls()?)
            .with(self.not_shown()?);
        Ok(section)
    }

    fn id(&self, what: &str) -> String {
        slug(&format!("{what} {}", self.name))
    }

    /// The condition that a row is of this experiment.
    fn is_own(&self) -> String {
        format!("experiment = {}", text(&self.name))
    }

    fn scores(&self) -> Result<Option<Figure>, ReportError> {
        let (id, figure) = (self.id("scores"), self.figure);
        let title = format!("{figure} of each set of features");
        let spec = FigureSpec {
            id: &id,
            title: &title,
            description: "Filled: the networks. Pale: the same features of their twins, which have \
                          lost what the control takes away. The line marks guessing.",
            sql: format!(
                "SELECT features, twin, model, {figure} AS value, {figure}_low AS low, \
                 {figure}_high AS high, n_networks, n_groups FROM scores WHERE {} AND chosen AND \
                 stratum = 'all' AND {figure} IS NOT NULL ORDER BY features, twin NULLS FIRST",
                self.is_own(),
            ),
        };
        spec.draw(self.context.tables, |frame| {
            self.forest(frame, &id, &title).map(Some)
        })
    }

    fn forest(&self, frame: &DataFrame, id: &str, title: &str) -> Result<Markup, PolarsError> {
        let features = texts(frame, "features")?;
        let twins = texts(frame, "twin")?;
        let columns = ["value", "low", "high"].map(|column| finite(frame, column));
        let [value, low, high] = columns;
        let (value, low, high) = (value?, low?, high?);
        let (names, place) = groups(&features);
        let (kinds, kind_of) = groups(&twins);
        let ends = value.iter().chain(&low).chain(&high).copied().flatten();
        let guessing = if self.figure.starts_with("auc") {
            0.5
        } else {
            0.0
        };
        let height = ROW * names.len() as f64 + 50.0;
        let panel = Panel {
            title: String::new(),
            left: 0.0,
            top: 0.0,
            width: WIDTH,
            height,
            x: Side::new(
                Scale::Linear(Linear::of(ends.chain([guessing]))),
                self.figure,
            ),
            y: Side::new(Scale::Bands(Bands::of(names.clone())), ""),
        };
        let mut marks = vec![rule(
            &panel,
            guessing,
            (-0.5, names.len() as f64 - 0.5),
            "guessing",
        )];
        for row in 0..features.len() {
            let Some(middle) = value[row] else { continue };
            let is_twin = !twins[row].is_empty();
            let style = format!(
                "{};{}{}",
                fill(kind_of[row]),
                stroke(kind_of[row]),
                if is_twin { ";opacity:.55" } else { "" }
            );
            let ends = (
                low[row].unwrap_or(middle),
                middle,
                high[row].unwrap_or(middle),
            );
            // Networks above, their twins below each other.
            let offset = -0.25 + 0.5 * kind_of[row] as f64 / kinds.len().max(2) as f64;
            let about = format!(
                "{} {}: {} [{}, {}]",
                features[row],
                twins[row],
                number::real(middle),
                number::real(ends.0),
                number::real(ends.2),
            );
            marks.push(interval(
                &panel,
                place[row] as f64 + offset,
                ends,
                &style,
                &about,
            ));
        }
        let entries = kinds.iter().enumerate().map(|(k, kind)| {
            let name = if kind.is_empty() { "networks" } else { kind };
            (name.to_owned(), fill(k))
        });
        let legend = Legend {
            title: String::new(),
            entries: entries.collect(),
        };
        let marks = html! { @for mark in &marks { (mark) } };
        let about = (title, "An interval for each set of features.");
        Ok(drawing(
            id,
            about,
            (WIDTH, height),
            &legend,
            &panel.draw(&marks),
        ))
    }

    fn verdicts(&self) -> Result<Option<Figure>, ReportError> {
        if !self.context.tables.has("verdicts") {
            return Ok(None);
        }
        let id = self.id("verdicts");
        let spec = FigureSpec {
            id: &id,
            title: "Comparisons, and what they show",
            description: "The difference of a from b on the same test networks. Primary: declared \
                          beforehand, with p after Holm. Exploratory: each stands alone, whatever \
                          their number. Above, below: a difference is shown. Equivalent: it is \
                          shown to be small. Undecided: neither is shown.",
            sql: format!(
                "SELECT family, a, b, difference, low, high, p, p_adjusted, equivalence_p, finding, figure FROM \
                 verdicts WHERE {} ORDER BY family DESC, a, b",
                self.is_own(),
            ),
        };
        spec.draw(self.context.tables, |frame| {
            differences(frame, &id).map(Some)
        })
    }

    fn roc(&self) -> Result<Option<Figure>, ReportError> {
        if !self.is_low_high || !self.context.tables.has("predictions") {
            return Ok(None);
        }
        let id = self.id("roc");
        let spec = FigureSpec {
            id: &id,
            title: "ROC: high performers found against low performers taken for them",
            description: "The chosen models of cnt, tensor_7, hyperparameters, and cnt with \
                          hyperparameters, on the test set. The diagonal is guessing.",
            sql: format!(
                "SELECT predictions.features AS features, score, class FROM predictions INNER JOIN \
                 (SELECT features, representation, model FROM scores WHERE {own} AND chosen AND \
                 stratum = 'all' AND twin IS NULL AND features IN ('cnt', 'tensor_7', \
                 'hyperparameters', 'cnt + hyperparameters')) AS chosen USING (features, \
                 representation, model) WHERE {own} AND {set} = 'test' AND twin IS NULL AND score \
                 IS NOT NULL AND class IN ('low', 'high') ORDER BY features, score DESC",
                own = self.is_own(),
                set = quoted("set"),
            ),
        };
        spec.draw(self.context.tables, |frame| {
            roc_curves(frame, &id).map(Some)
        })
    }

    fn calibration(&self) -> Result<Option<Figure>, ReportError> {
        if !self.is_low_high || !self.context.tables.has("predictions") {
            return Ok(None);
        }
        let id = self.id("calibration");
        let spec = FigureSpec {
            id: &id,
            title: "Calibration: how often a probability comes true",
            description: "Predictions for the test set in bins of their probability: the share that \
                          is high. On the diagonal probabilities mean what they say.",
            sql: format!(
                "SELECT predictions.features AS features, LEAST(FLOOR(probability * 5), 4) AS bin, \
                 AVG(probability) AS probability, AVG(CASE WHEN class = 'high' THEN 1.0 ELSE 0.0 \
                 END) AS share_high, COUNT(*) AS networks FROM predictions INNER JOIN (SELECT \
                 features, representation, model FROM scores WHERE {own} AND chosen AND stratum = \
                 'all' AND twin IS NULL AND features IN ('cnt', 'hyperparameters')) AS chosen USING \
                 (features, representation, model) WHERE {own} AND {set} = 'test' AND twin IS NULL \
                 AND probability IS NOT NULL AND class IN ('low', 'high') GROUP BY features, bin ORDER BY features, bin",
                own = self.is_own(),
                set = quoted("set"),
            ),
        };
        spec.draw(self.context.tables, |frame| {
            let curves = curves_of(frame, "probability", "share_high")?;
            let titles = ("probability", "share that is high");
            Ok(Some(unit_square(&id, "Calibration", titles, &curves)))
        })
    }

    fn confusion(&self) -> Result<Option<Figure>, ReportError> {
        if !self.context.tables.has("confusion") {
            return Ok(None);
        }
        let id = self.id("confusion");
        let spec = FigureSpec {
            id: &id,
            title: "Confusion: what was taken for what",
            description: "Numbers of test networks by their class and by the predicted one, for \
                          the chosen model of each set of features.",
            sql: format!(
                "SELECT features, model, actual, predicted, n AS networks FROM confusion WHERE {} \
                 AND chosen AND stratum = 'all' AND twin IS NULL ORDER BY features, actual, \
                 predicted",
                self.is_own(),
            ),
        };
        spec.table(self.context.tables)
    }

    fn importance(&self) -> Result<Option<Figure>, ReportError> {
        if !self.context.tables.has("importance") {
            return Ok(None);
        }
        let id = self.id("importance");
        let spec = FigureSpec {
            id: &id,
            title: "Importance of the columns of cnt",
            description: "By how much the chosen model relies on each column. Columns that go \
                          together share their importance.",
            sql: format!(
                "SELECT {column}, model, importance FROM importance WHERE {} AND chosen AND features \
                 = 'cnt' AND twin IS NULL AND importance IS NOT NULL ORDER BY ABS(importance) DESC, \
                 {column} LIMIT {IMPORTANCES}",
                self.is_own(),
                column = quoted("column"),
            ),
        };
        spec.draw(self.context.tables, |frame| bars(frame, &id).map(Some))
    }

    fn controls(&self) -> Result<Option<Figure>, ReportError> {
        if !self.context.tables.has("controls") {
            return Ok(None);
        }
        let id = self.id("controls");
        let spec = FigureSpec {
            id: &id,
            title: "Controls and noise",
            description: "What is left when the control takes something away, and the gain over it. \
                          permutation: labels drawn at random. noise_ceiling: how well two halves of the \
                          test images predict each other; smaller gaps are noise.",
            sql: format!(
                "SELECT control, features, figure, real, control_value, gain, low, high, p, n FROM \
                 controls WHERE {} ORDER BY control, features, figure",
                self.is_own(),
            ),
        };
        spec.table(self.context.tables)
    }

    fn not_shown(&self) -> Result<Option<Figure>, ReportError> {
        if !self.context.tables.has("verdicts") {
            return Ok(None);
        }
        let id = self.id("not-shown");
        let spec = FigureSpec {
            id: &id,
            title: "What was not shown",
            description: "Primary comparisons that are undecided: the data show neither a difference \
                          nor that there is none worth speaking of.",
            sql: format!(
                "SELECT a, b, difference, low, high, p_adjusted, equivalence_p FROM verdicts WHERE \
                 {} AND finding = 'undecided' AND family = 'primary' ORDER BY a, b",
                self.is_own(),
            ),
        };
        spec.table(self.context.tables)
    }
}

/// What the comparisons that were declared beforehand show, in words.
fn findings(frame: &DataFrame) -> Result<Vec<String>, PolarsError> {
    let columns = ["family", "a", "b", "finding", "figure"].map(|column| texts(frame, column));
    let [family, a, b, finding, figure] = columns;
    let (family, a, b, finding, figure) = (family?, a?, b?, finding?, figure?);
    let columns = ["difference", "low", "high", "p_adjusted", "equivalence_p"];
    let [difference, low, high, p, equivalence_p] = columns.map(|column| finite(frame, column));
    let (difference, low, high, p) = (difference?, low?, high?, p?);
    let equivalence_p = equivalence_p?;
    let primary = (0..family.len()).filter(|&row| family[row] == "primary");
    let sentences = primary.map(|row| {
        let number = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), number::real);
        let Some(difference) = difference[row] else {
            return format!("{} was not compared with {}.", a[row], b[row]);
        };
        let after_holm = format!("p after Holm {}", number(p[row]));
        let (shown, p) = match finding[row].as_str() {
            "above" => ("is better than", after_holm),
            "below" => ("is worse than", after_holm),
            "equivalent" => (
                "is shown to differ by less than the margin from",
                format!("p of equivalence {}", number(equivalence_p[row])),
            ),
            _ => ("is not shown to differ from", after_holm),
        };
        format!(
            "{} {shown} {}: difference of {} {} [{}, {}], {p}.",
            a[row],
            b[row],
            figure[row],
            number::real(difference),
            number(low[row]),
            number(high[row]),
        )
    });
    Ok(sentences.collect())
}

fn differences(frame: &DataFrame, id: &str) -> Result<Markup, PolarsError> {
    let (a, b) = (texts(frame, "a")?, texts(frame, "b")?);
    let findings = texts(frame, "finding")?;
    let (kinds, kind_of) = groups(&findings);
    let columns = ["difference", "low", "high"].map(|column| finite(frame, column));
    let [value, low, high] = columns;
    let (value, low, high) = (value?, low?, high?);
    let names: Vec<String> = a
        .iter()
        .zip(&b)
        .map(|(a, b)| format!("{a} against {b}"))
        .collect();
    let ends = low.iter().chain(&high).copied().flatten();
    let height = ROW * names.len() as f64 + 50.0;
    let n = names.len() as f64;
    let panel = Panel {
        title: String::new(),
        left: 0.0,
        top: 0.0,
        width: WIDTH,
        height,
        x: Side::new(Scale::Linear(Linear::of(ends.chain([0.0]))), "difference"),
        y: Side::new(Scale::Bands(Bands::of(names)), ""),
    };
    let mut marks = vec![rule(&panel, 0.0, (-0.5, n - 0.5), "no difference")];
    for row in 0..value.len() {
        let Some(middle) = value[row] else { continue };
        let ends = (
            low[row].unwrap_or(middle),
            middle,
            high[row].unwrap_or(middle),
        );
        let style = format!("{};{}", fill(kind_of[row]), stroke(kind_of[row]));
        let about = format!("{}: {}", findings[row], number::real(middle));
        marks.push(interval(&panel, row as f64, ends, &style, &about));
    }
    let entries = kinds
        .into_iter()
        .enumerate()
        .map(|(k, kind)| (kind, fill(k)));
    let legend = Legend {
        title: "finding".to_owned(),
        entries: entries.collect(),
    };
    let marks = html! { @for mark in &marks { (mark) } };
    let about = (
        "Differences with their intervals",
        "An interval for each comparison.",
    );
    Ok(drawing(
        id,
        about,
        (WIDTH, height),
        &legend,
        &panel.draw(&marks),
    ))
}

/// Named curves.
type Curves = Vec<(String, Vec<(f64, f64)>)>;

/// One curve for each set of features.
fn curves_of(frame: &DataFrame, x: &str, y: &str) -> Result<Curves, PolarsError> {
    let (names, of) = groups(&texts(frame, "features")?);
    let (x, y) = (finite(frame, x)?, finite(frame, y)?);
    let curves = names.into_iter().enumerate().map(|(k, name)| {
        let rows = (0..of.len()).filter(|&row| of[row] == k);
        let points = rows.filter_map(|row| Some((x[row]?, y[row]?)));
        (name, points.collect())
    });
    Ok(curves.collect())
}

/// The curves of answers that are sorted by score, the highest first. Networks of one score are
/// one step.
fn roc_curves(frame: &DataFrame, id: &str) -> Result<Markup, PolarsError> {
    let (names, of) = groups(&texts(frame, "features")?);
    let (scores, classes) = (finite(frame, "score")?, texts(frame, "class")?);
    let curves = names.into_iter().enumerate().map(|(k, name)| {
        let rows = (0..of.len()).filter(|&row| of[row] == k);
        let rows: Vec<(f64, bool)> = rows
            .filter_map(|row| Some((scores[row]?, classes[row] == "high")))
            .collect();
        (name, roc(&rows))
    });
    let titles = ("low performers taken for high", "high performers found");
    Ok(unit_square(id, "ROC", titles, &curves.collect()))
}

/// The ROC of scores, the highest first, and whether each is of the class that is looked for.
fn roc(rows: &[(f64, bool)]) -> Vec<(f64, f64)> {
    let n_high = rows.iter().filter(|(_, is_high)| *is_high).count().max(1) as f64;
    let n_low = rows.iter().filter(|(_, is_high)| !is_high).count().max(1) as f64;
    let (mut high, mut low) = (0.0, 0.0);
    let mut points = vec![(0.0, 0.0)];
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        for (_, is_high) in same {
            if *is_high {
                high += 1.0;
            } else {
                low += 1.0;
            }
        }
        points.push((low / n_low, high / n_high));
    }
    points
}

/// Curves between 0 and 1, with the diagonal.
fn unit_square(id: &str, title: &str, (x, y): (&str, &str), curves: &Curves) -> Markup {
    let size = (440.0, 420.0);
    let unit = || Scale::Linear(Linear::between(0.0, 1.0));
    let panel = Panel {
        title: String::new(),
        left: 0.0,
        top: 0.0,
        width: size.0,
        height: size.1,
        x: Side::new(unit(), x),
        y: Side::new(unit(), y),
    };
    let diagonal = "stroke:var(--muted);stroke-dasharray:4 3";
    let mut marks = vec![line(&panel, &[(0.0, 0.0), (1.0, 1.0)], diagonal)];
    for (k, (_, points)) in curves.iter().enumerate() {
        marks.push(line(&panel, points, &stroke(k)));
    }
    let entries = curves.iter().enumerate();
    let legend = Legend {
        title: String::new(),
        entries: entries
            .map(|(k, (name, _))| (name.clone(), fill(k)))
            .collect(),
    };
    let marks = html! { @for mark in &marks { (mark) } };
    let about = (title, "A curve for each set of features, and the diagonal.");
    drawing(id, about, size, &legend, &panel.draw(&marks))
}

fn bars(frame: &DataFrame, id: &str) -> Result<Markup, PolarsError> {
    let names = texts(frame, "column")?;
    let values = finite(frame, "importance")?;
    let height = ROW * names.len() as f64 + 50.0;
    let panel = Panel {
        title: String::new(),
        left: 0.0,
        top: 0.0,
        width: WIDTH,
        height,
        x: Side::new(
            Scale::Linear(Linear::of(values.iter().copied().flatten().chain([0.0]))),
            "importance",
        ),
        y: Side::new(Scale::Bands(Bands::of(names.clone())), ""),
    };
    let bars = values.iter().enumerate().filter_map(|(row, value)| {
        let value = (*value)?;
        let y = row as f64;
        let about = format!("{}: {}", names[row], number::real(value));
        Some(bar(
            &panel,
            (0.0, value),
            (y - 0.35, y + 0.35),
            &fill(0),
            &about,
        ))
    });
    let bars: Vec<Markup> = bars.collect();
    let marks = html! { @for bar in &bars { (bar) } };
    let about = ("Importance of columns", "A bar for each column.");
    Ok(drawing(
        id,
        about,
        (WIDTH, height),
        &Legend::default(),
        &panel.draw(&marks),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roc_goes_from_nothing_to_all_and_ties_are_one_step() {
        let rows = [(0.9, true), (0.8, true), (0.8, false), (0.1, false)];
        let expected = [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)];
        assert_eq!(roc(&rows), expected);
        assert_eq!(roc(&[]), [(0.0, 0.0)]);
    }
}
