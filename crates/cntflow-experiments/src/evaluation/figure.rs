//! The primary figure of a target, and the truth that predictions are held against.

use cntflow_statistics::SortedScores;
use cntflow_statistics::binary::auc;
use cntflow_statistics::multiclass::hand_till_auc;
use cntflow_statistics::rank_correlation::{KendallRows, kendall_tau};
use cntflow_statistics::regression::r_squared;

use crate::population::Population;
use crate::spec::Target;
use crate::target::{LearnedTarget, RawTarget};

/// What is true of some rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Truth {
    /// The class of each row.
    Classes {
        /// Index of each row's class.
        of_row: Vec<u32>,
        /// Number of classes.
        n_classes: u32,
    },
    /// The label of each row, on the scale of the models.
    Values(Vec<f64>),
}

/// Those of `rows` that take part under the learned target, and what is true of them. A row between
/// low and high, or of a class without training rows, does not take part.
pub(crate) fn truth(
    learned: &LearnedTarget,
    raw: &RawTarget,
    rows: &[usize],
) -> (Vec<usize>, Truth) {
    let n_classes = learned.class_names().len() as u32;
    if n_classes == 0 {
        let values = rows.iter().map(|&row| learned.value(raw, row)).collect();
        return (rows.to_vec(), Truth::Values(values));
    }
    let (rows, of_row) = rows
        .iter()
        .filter_map(|&row| Some((row, learned.class(raw, row)?)))
        .unzip();
    (rows, Truth::Classes { of_row, n_classes })
}

/// The groups of those rows that take part under the learned target, in ascending order.
pub(crate) fn groups_with_truth(
    learned: &LearnedTarget,
    population: &Population,
    rows: &[usize],
) -> Vec<u32> {
    let (rows, _) = truth(learned, &population.target, rows);
    let mut groups: Vec<u32> = rows.iter().map(|&row| population.groups[row]).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Name of the figure that models are chosen by and comparisons are made with.
pub(crate) fn primary_name(target: &Target, n_classes: usize) -> &'static str {
    match target {
        Target::LowHigh { .. } => "auc",
        Target::Classes { .. } if n_classes == 2 => "auc",
        Target::Classes { .. } => "auc_pairs",
        Target::Regression { .. } => "r2",
        Target::Ranking { .. } => "tau",
    }
}

/// The primary figure of predictions: AUC of two classes, Hand and Till's mean AUC over pairs of
/// more classes, R2 of a regression, Kendall's tau of a ranking. NaN where it is not defined.
pub(crate) fn primary_figure(target: &Target, predictions: &[f64], truth: &Truth) -> f64 {
    let figure = match truth {
        Truth::Classes { of_row, n_classes } if *n_classes == 2 => {
            let is_second: Vec<bool> = of_row.iter().map(|class| *class == 1).collect();
            auc(predictions, &is_second)
        }
        Truth::Classes { of_row, n_classes } => {
            let scores = by_class(predictions, *n_classes as usize);
            let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
            let actual: Vec<usize> = of_row.iter().map(|class| *class as usize).collect();
            hand_till_auc(&scores, &actual)
        }
        Truth::Values(actual) => match target {
            Target::Ranking { .. } => kendall_tau(predictions, actual),
            _ => r_squared(predictions, actual),
        },
    };
    figure.unwrap_or(f64::NAN)
}

/// The primary figure of selections of rows, given by their positions, which may be repeated.
pub(crate) type FigureOfSelections = Box<dyn Fn(&[usize]) -> f64>;

/// [`primary_figure`] of many selections of the same rows, which are sorted once where the figure
/// goes by ranks.
pub(crate) fn figure_of_selections(
    target: &Target,
    predictions: Vec<f64>,
    truth: Truth,
) -> FigureOfSelections {
    match truth {
        Truth::Classes { of_row, n_classes } => {
            let figure = FigureOfClasses::new(&predictions, n_classes);
            Box::new(move |selection| figure.of(&of_row, selection))
        }
        Truth::Values(actual) => match target {
            Target::Ranking { .. } => tau_of_selections(&predictions, &actual),
            _ => Box::new(move |selection| {
                let pick =
                    |list: &[f64]| -> Vec<f64> { selection.iter().map(|&row| list[row]).collect() };
                r_squared(&pick(&predictions), &pick(&actual)).unwrap_or(f64::NAN)
            }),
        },
    }
}

/// Kendall's tau of selections of rows.
pub(crate) fn tau_of_selections(predictions: &[f64], values: &[f64]) -> FigureOfSelections {
    match KendallRows::new(predictions, values) {
        Ok(rows) => Box::new(move |selection| rows.tau(selection)),
        Err(_) => Box::new(|_| f64::NAN),
    }
}

/// The primary figure of predicted classes, for any selection of rows and any true classes.
pub(crate) struct FigureOfClasses {
    /// `None` if a score is NaN.
    scores: Option<SortedScores>,
    n_classes: u32,
}

impl FigureOfClasses {
    /// Takes scores of two classes, or `[rows, classes]` of more.
    pub(crate) fn new(predictions: &[f64], n_classes: u32) -> Self {
        let lists = match n_classes {
            2 => vec![predictions.to_vec()],
            _ => by_class(predictions, n_classes as usize),
        };
        let lists: Vec<&[f64]> = lists.iter().map(Vec::as_slice).collect();
        Self {
            scores: SortedScores::new(&lists).ok(),
            n_classes,
        }
    }

    /// The figure of the rows in `selection`. `of_row` has the class of each row.
    pub(crate) fn of(&self, of_row: &[u32], selection: &[usize]) -> f64 {
        let Some(scores) = &self.scores else {
            return f64::NAN;
        };
        if self.n_classes == 2 {
            let is_second: Vec<bool> = of_row.iter().map(|class| *class == 1).collect();
            return scores.auc(&is_second, selection);
        }
        let actual: Vec<usize> = of_row.iter().map(|class| *class as usize).collect();
        scores.hand_till_auc(&actual, selection)
    }
}

/// Scores `[rows, classes]` as one list per class.
pub(crate) fn by_class(predictions: &[f64], n_classes: usize) -> Vec<Vec<f64>> {
    (0..n_classes)
        .map(|class| {
            predictions
                .iter()
                .skip(class)
                .step_by(n_classes)
                .copied()
                .collect()
        })
        .collect()
}
