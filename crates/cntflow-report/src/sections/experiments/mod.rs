//! The experiments: scores with their baselines and twins, comparisons, controls.

mod drawings;

use polars::prelude::{DataFrame, PolarsError};

use self::drawings::{bars, curves_of, differences, forest, roc_curves, unit_square};
use crate::error::ReportError;
use crate::figure::{Figure, FigureSpec, Question};
use crate::number;
use crate::rows::{finite, texts};
use crate::section::{Context, Section, quoted, slug, text};

/// The target of experiments that tell low from high performers.
const LOW_HIGH: &str = "low_high";

/// Columns of a classifier that are drawn.
const IMPORTANCES: usize = 15;

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
                "Figures of a test set that nothing was chosen by. Intervals have the confidence that \
                 the study asks for (95% by default) and are not adjusted for the number of \
                 comparisons. A score alone shows little: what counts is the difference from the \
                 baselines and from the twins, below.",
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

    /// A figure that is its table, if there is such a table.
    fn table(&self, table: &str, spec: FigureSpec<'_>) -> Result<Option<Figure>, ReportError> {
        if self.context.tables.has(table) {
            spec.table(self.context.tables)
        } else {
            Ok(None)
        }
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
        spec.draw(
            self.context.tables,
            self.context.columns,
            |canvas, frame| forest(canvas, frame, &id, (&title, figure)),
        )
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
                "SELECT family, a, b, difference, low, high, p, p_adjusted, equivalence_p, finding, \
                 figure FROM verdicts WHERE {} ORDER BY family DESC, a, b",
                self.is_own(),
            ),
        };
        spec.draw(
            self.context.tables,
            self.context.columns,
            |canvas, frame| differences(canvas, frame, &id),
        )
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
        spec.draw(
            self.context.tables,
            self.context.columns,
            |canvas, frame| roc_curves(canvas, frame, &id),
        )
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
                 AND probability IS NOT NULL AND class IN ('low', 'high') GROUP BY \
                 features, bin ORDER BY features, bin",
                own = self.is_own(),
                set = quoted("set"),
            ),
        };
        spec.draw(
            self.context.tables,
            self.context.columns,
            |canvas, frame| {
                let curves = curves_of(frame, "probability", "share_high")?;
                let titles = ("probability", "share that is high");
                Ok(unit_square(canvas, (&id, "Calibration"), titles, &curves))
            },
        )
    }

    fn confusion(&self) -> Result<Option<Figure>, ReportError> {
        self.table("confusion", FigureSpec {
            id: &self.id("confusion"),
            title: "Confusion: what was taken for what",
            description: "Numbers of test networks by their class and by the predicted one, for \
                          the chosen model of each set of features.",
            sql: format!(
                "SELECT features, model, actual, predicted, n AS networks FROM confusion WHERE {} \
                 AND chosen AND stratum = 'all' AND twin IS NULL ORDER BY features, actual, \
                 predicted",
                self.is_own(),
            ),
        })
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
        spec.draw(
            self.context.tables,
            self.context.columns,
            |canvas, frame| bars(canvas, frame, &id),
        )
    }

    fn controls(&self) -> Result<Option<Figure>, ReportError> {
        self.table("controls", FigureSpec {
            id: &self.id("controls"),
            title: "Controls and noise",
            description: "What is left when the control takes something away, and the gain over it. \
                          permutation: labels drawn at random. noise_ceiling: how well two halves of the \
                          test images predict each other; smaller gaps are noise.",
            sql: format!(
                "SELECT control, features, figure, real, control_value, gain, low, high, p, n FROM \
                 controls WHERE {} ORDER BY control, features, figure",
                self.is_own(),
            ),
        })
    }

    fn not_shown(&self) -> Result<Option<Figure>, ReportError> {
        self.table("verdicts", FigureSpec {
            id: &self.id("not-shown"),
            title: "What was not shown",
            description: "Primary comparisons that are undecided: the data show neither a difference \
                          nor that there is none worth speaking of.",
            sql: format!(
                "SELECT a, b, difference, low, high, p_adjusted, equivalence_p FROM verdicts WHERE \
                 {} AND finding = 'undecided' AND family = 'primary' ORDER BY a, b",
                self.is_own(),
            ),
        })
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
