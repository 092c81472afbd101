//! Which networks are drawn.

use polars::prelude::DataFrame;

use crate::error::ReportError;
use crate::figure::Question;
use crate::report::NetworkName;
use crate::rows::texts;
use crate::section::{Context, quoted, text};
use crate::sections::population::LAST;

/// Steps of a run that are drawn.
const MOST_STEPS: usize = 5;

/// A network that is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) name: NetworkName,
    pub(super) run: String,
}

/// The networks of the first figure, and what they are.
pub(super) struct Choice {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) networks: Vec<Network>,
}

/// The networks that the user has named; else the best and the worst; else the first two by name.
pub(super) fn chosen_pair(context: &Context<'_>) -> Result<Choice, ReportError> {
    if !context.report.graphs.is_empty() {
        return named(context);
    }
    if let Some(label) = context.label() {
        let column = quoted(label);
        let has_value = format!("AND ABS({column}) <= {:?}", f64::MAX);
        let first = |order: &str| last_networks(context, &has_value, order, 1);
        let mut networks = first(&format!("{column} DESC, checkpoint"))?;
        networks.extend(first(&format!("{column}, checkpoint"))?);
        // Of one network, the best is the worst.
        networks.dedup();
        if !networks.is_empty() {
            return Ok(Choice {
                title: format!("The networks with the highest and the lowest {label}"),
                description: "Of the last checkpoints of all runs.".to_owned(),
                networks,
            });
        }
    }
    Ok(Choice {
        title: "The first networks by name".to_owned(),
        description: "Of the last checkpoints of all runs; there is no label to judge by."
            .to_owned(),
        networks: last_networks(context, "", "checkpoint", 2)?,
    })
}

fn named(context: &Context<'_>) -> Result<Choice, ReportError> {
    let mut networks = Vec::new();
    for name in context.report.graphs {
        let sql = format!(
            "SELECT checkpoint, run FROM {} WHERE checkpoint = {}",
            table("networks", name.twin.as_deref()),
            text(&name.checkpoint)
        );
        let found = networks_of(context, sql, name.twin.as_deref())?;
        networks.extend(found.into_iter().take(1));
    }
    let names: Vec<String> = networks
        .iter()
        .map(|one: &Network| one.name.to_string())
        .collect();
    Ok(Choice {
        title: names.join(" and "),
        description: "Chosen by name.".to_owned(),
        networks,
    })
}

/// Last checkpoints of runs that have links.
fn last_networks(
    context: &Context<'_>,
    condition: &str,
    order: &str,
    most: usize,
) -> Result<Vec<Network>, ReportError> {
    let sql = format!(
        "SELECT checkpoint, run FROM networks {LAST} INNER JOIN (SELECT DISTINCT checkpoint FROM \
         links) AS with_links USING (checkpoint) WHERE status = 'ok' {condition} ORDER BY {order} \
         LIMIT {most}"
    );
    networks_of(context, sql, None)
}

/// Checkpoints of the run of a network: the first, the last and some between.
pub(super) fn steps_of_run(
    context: &Context<'_>,
    network: &Network,
) -> Result<Vec<Network>, ReportError> {
    let twin = network.name.twin.as_deref();
    let sql = format!(
        "SELECT MAX(checkpoint) AS checkpoint, MAX(run) AS run, step FROM {} INNER JOIN (SELECT \
         DISTINCT checkpoint FROM {}) AS with_links USING (checkpoint) WHERE run = {} AND status = \
         'ok' GROUP BY step ORDER BY step",
        table("networks", twin),
        table("links", twin),
        text(&network.run),
    );
    let steps = networks_of(context, sql, twin)?;
    Ok(spread(steps.len(), MOST_STEPS)
        .map(|index| steps[index].clone())
        .collect())
}

/// Indices of at most `most` of `n` things, the first and the last among them, evenly apart.
fn spread(n: usize, most: usize) -> impl Iterator<Item = usize> {
    let n_shown = n.min(most);
    let gaps = n_shown.saturating_sub(1).max(1);
    (0..n_shown).map(move |k| (k * (n - 1) + gaps / 2) / gaps)
}

fn networks_of(
    context: &Context<'_>,
    sql: String,
    twin: Option<&str>,
) -> Result<Vec<Network>, ReportError> {
    let question = Question {
        about: "networks to draw",
        sql,
    };
    let answer = question.answer(context.tables)?;
    Ok(answer
        .map(|frame| read(&frame, twin))
        .transpose()?
        .unwrap_or_default())
}

fn read(frame: &DataFrame, twin: Option<&str>) -> Result<Vec<Network>, ReportError> {
    let names = texts(frame, "checkpoint")?.into_iter();
    let runs = texts(frame, "run")?.into_iter();
    let networks = names.zip(runs).map(|(checkpoint, run)| Network {
        name: NetworkName {
            checkpoint,
            twin: twin.map(str::to_owned),
        },
        run,
    });
    Ok(networks.collect())
}

/// Name of a table of networks, or of their twins.
pub(super) fn table(name: &str, twin: Option<&str>) -> String {
    match twin {
        Some(twin) => format!("{name}_{twin}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_steps_the_first_the_last_and_some_between_are_drawn() {
        let of = |n| spread(n, 5).collect::<Vec<usize>>();
        assert!(of(0).is_empty());
        assert_eq!(of(1), [0]);
        assert_eq!(of(2), [0, 1]);
        assert_eq!(of(5), [0, 1, 2, 3, 4]);
        assert_eq!(of(9), [0, 2, 4, 6, 8]);
        assert_eq!(of(1000), [0, 250, 500, 749, 999]);
    }
}
