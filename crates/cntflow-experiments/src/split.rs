//! Splits by group: the test set, and the folds among the training groups.
//!
//! Groups are sorted by stratum, then by their mean label, and cut into blocks of neighbours. Each
//! block gives its share to every side, drawn at random, so that all sides have a similar share of
//! every stratum and of low and high labels.

use std::collections::HashSet;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{ExperimentError, Result};
use crate::population::Population;
use crate::random::Purpose;
use crate::spec::Protocol;
use cntflow_statistics::random::random_stream;

/// Smallest number of groups on each side of a split.
const MIN_GROUPS_OF_SIDE: usize = 2;

/// Groups of a block from which the test set is drawn.
const TEST_BLOCK: usize = 10;

/// The splits of an experiment. They depend on the population and the seed alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splits {
    /// Rows of the test set, in ascending order. Nothing is chosen by them.
    pub test: Vec<usize>,
    /// All other rows, in ascending order.
    pub training: Vec<usize>,
    /// Rows of other populations, in ascending order: neither fitted to nor chosen by, and no part
    /// of the test set. Empty unless the design has them.
    pub away: Vec<usize>,
    /// The folds of each repeat among the training rows.
    pub repeats: Vec<Vec<Fold>>,
}

/// One fold: rows to fit on, and rows to validate on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Rows to fit on, in ascending order.
    pub fitting: Vec<usize>,
    /// Rows to validate on, in ascending order.
    pub validation: Vec<usize>,
}

impl Splits {
    /// Draws the splits.
    ///
    /// # Errors
    /// [`ExperimentError::TooFewGroups`]; [`ExperimentError::GroupOnBothSides`] is a bug.
    pub fn draw(population: &Population, protocol: &Protocol) -> Result<Self> {
        let home = population.home_rows();
        let away = population.away_rows();
        let is_away_tested = population
            .sides
            .as_ref()
            .is_some_and(|sides| sides.is_away_tested);
        let groups = Groups::of(population, &home);
        let n_groups = groups.order.len();
        let needed = if is_away_tested {
            MIN_GROUPS_OF_SIDE * protocol.folds
        } else {
            smallest_number_of_groups(protocol)
        };
        if n_groups < needed {
            return Err(ExperimentError::TooFewGroups {
                n_groups,
                n_folds: protocol.folds,
                needed,
            });
        }
        let share = if is_away_tested {
            0.0
        } else {
            protocol.test_share
        };
        let mut rng = random_stream(protocol.seed, Purpose::TestSet as u64, &[]);
        let in_test = groups.draw_test(share, &mut rng);
        let (drawn, training): (Vec<usize>, Vec<usize>) = home
            .into_iter()
            .partition(|&row| in_test[population.groups[row] as usize]);
        let (test, away) = if is_away_tested {
            (away, Vec::new())
        } else {
            (drawn, away)
        };
        check_test_groups(population, &test)?;
        check_apart(population, &training, &test, "the test set")?;
        check_apart(population, &training, &away, "the transfer")?;
        let training_groups: Vec<usize> = groups
            .order
            .iter()
            .copied()
            .filter(|&group| !in_test[group])
            .collect();
        let repeats = (0..protocol.repeats)
            .map(|repeat| {
                let mut rng = random_stream(protocol.seed, Purpose::Folds as u64, &[repeat]);
                let n_groups = population.group_names.len();
                let fold_of = draw_folds(&training_groups, n_groups, protocol.folds, &mut rng);
                folds(population, &training, &fold_of, protocol.folds)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            test,
            training,
            away,
            repeats,
        })
    }
}

/// Refuses a test set of a design that has too few groups.
fn check_test_groups(population: &Population, test: &[usize]) -> Result<()> {
    let groups: HashSet<u32> = test.iter().map(|&row| population.groups[row]).collect();
    if groups.len() < MIN_GROUPS_OF_SIDE {
        return Err(ExperimentError::TooFewTestGroups {
            n_groups: groups.len(),
            needed: MIN_GROUPS_OF_SIDE,
        });
    }
    Ok(())
}

/// So few groups that every fold has some to validate on, and the test set has some.
fn smallest_number_of_groups(protocol: &Protocol) -> usize {
    let for_folds = (MIN_GROUPS_OF_SIDE * protocol.folds) as f64 / (1.0 - protocol.test_share);
    let for_test = MIN_GROUPS_OF_SIDE as f64 / protocol.test_share;
    for_folds.max(for_test).ceil() as usize
}

/// The groups in the order in which they are cut into blocks.
struct Groups {
    n_rows_of_group: Vec<usize>,
    order: Vec<usize>,
}

impl Groups {
    /// The groups of some rows. Whole groups are among them or not.
    fn of(population: &Population, rows: &[usize]) -> Self {
        let n_groups = population.group_names.len();
        let strata = population.joint_strata();
        let labels = population.target.order_values();
        let mut sums = vec![0.0; n_groups];
        let mut n_rows_of_group = vec![0; n_groups];
        let mut stratum_of_group = vec![None; n_groups];
        for &row in rows {
            let group = population.groups[row] as usize;
            sums[group] += labels[row];
            n_rows_of_group[group] += 1;
            stratum_of_group[group].get_or_insert(strata[row].as_str());
        }
        let mean = |group: usize| sums[group] / n_rows_of_group[group] as f64;
        let mut order: Vec<usize> = (0..n_groups)
            .filter(|&group| n_rows_of_group[group] > 0)
            .collect();
        order.sort_by(|&a, &b| {
            stratum_of_group[a]
                .cmp(&stratum_of_group[b])
                .then(mean(a).total_cmp(&mean(b)))
                .then(a.cmp(&b))
        });
        Self {
            n_rows_of_group,
            order,
        }
    }

    /// For each group, whether it is in the test set.
    fn draw_test(&self, share: f64, rng: &mut ChaCha8Rng) -> Vec<bool> {
        let mut in_test = vec![false; self.n_rows_of_group.len()];
        let (mut n_seen, mut n_drawn) = (0, 0);
        for block in self.order.chunks(TEST_BLOCK) {
            n_seen += block.len();
            // The share of all groups so far, so that rounding does not add up over blocks.
            let n_wanted = (share * n_seen as f64).round() as usize - n_drawn;
            let mut block = block.to_vec();
            block.shuffle(rng);
            for &group in block.iter().take(n_wanted) {
                in_test[group] = true;
            }
            n_drawn += n_wanted;
        }
        in_test
    }
}

/// For each group its fold. `groups` are sorted; each block of `n_folds` gives one to every fold.
fn draw_folds(
    groups: &[usize],
    n_groups: usize,
    n_folds: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    let mut fold_of = vec![0; n_groups];
    for block in groups.chunks(n_folds) {
        let mut order: Vec<usize> = (0..n_folds).collect();
        order.shuffle(rng);
        for (&group, fold) in block.iter().zip(order) {
            fold_of[group] = fold;
        }
    }
    fold_of
}

fn folds(
    population: &Population,
    training: &[usize],
    fold_of: &[usize],
    n_folds: usize,
) -> Result<Vec<Fold>> {
    (0..n_folds)
        .map(|fold| {
            let is_validated = |row: &usize| fold_of[population.groups[*row] as usize] == fold;
            let (validation, fitting): (Vec<usize>, Vec<usize>) =
                training.iter().copied().partition(is_validated);
            check_apart(population, &fitting, &validation, &format!("fold {fold}"))?;
            Ok(Fold {
                fitting,
                validation,
            })
        })
        .collect()
}

/// Checks that no group is on both sides. All figures rest on it: a model that has seen a run
/// recognises the other networks of that run.
fn check_apart(population: &Population, a: &[usize], b: &[usize], split: &str) -> Result<()> {
    let groups: HashSet<u32> = a.iter().map(|&row| population.groups[row]).collect();
    match b
        .iter()
        .find(|&&row| groups.contains(&population.groups[row]))
    {
        None => Ok(()),
        Some(&row) => Err(ExperimentError::GroupOnBothSides {
            group: population.group_names[population.groups[row] as usize].clone(),
            split: split.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::RngExt;

    use super::*;
    use crate::population::{LabelColumn, PopulationCounts};
    use crate::target::RawTarget;

    /// Runs of 1 to 4 networks, a third of them convolutional.
    fn population(seed: u64, n_groups: usize) -> Population {
        let mut rng = random_stream(seed, Purpose::Folds as u64, &[99]);
        let groups: Vec<u32> = (0..n_groups as u32)
            .flat_map(|group| vec![group; rng.random_range(1..5)])
            .collect();
        let n = groups.len();
        let kind = |group: &u32| {
            Some(
                if group.is_multiple_of(3) {
                    "convolutional"
                } else {
                    "dense"
                }
                .to_owned(),
            )
        };
        let kinds = groups.iter().map(kind).collect();
        Population {
            checkpoints: (0..n).map(|row| format!("c{row}")).collect(),
            runs: vec![None; n],
            steps: vec![1.0; n],
            group_names: (0..n_groups).map(|group| format!("run{group}")).collect(),
            target: RawTarget::Numbers((0..n).map(|_| rng.random()).collect()),
            hyperparameters: Vec::new(),
            strata: vec![("layer_type".to_owned(), LabelColumn::Texts(kinds))],
            digests: vec![None; n],
            untrained: vec![None; n],
            epochs: vec![f64::NAN; n],
            sides: None,
            matched: None,
            counts: PopulationCounts::default(),
            groups,
        }
    }

    #[test]
    fn every_training_row_is_validated_once_in_a_repeat_and_test_rows_never() {
        for seed in 0..40 {
            let population = population(seed, 15 + 3 * seed as usize);
            let splits = Splits::draw(&population, &Protocol::default()).unwrap();
            assert_eq!(splits.repeats.len(), 3);
            for folds in &splits.repeats {
                let mut validated: Vec<usize> = folds
                    .iter()
                    .flat_map(|fold| fold.validation.clone())
                    .collect();
                validated.sort_unstable();
                assert_eq!(validated, splits.training);
            }
            let all: BTreeSet<usize> = splits
                .training
                .iter()
                .chain(&splits.test)
                .copied()
                .collect();
            assert_eq!(all.len(), population.n_rows());
        }
    }

    #[test]
    fn the_test_set_has_its_share_of_every_stratum_and_of_high_labels() {
        let mut population = population(3, 300);
        population.groups = (0..300).collect();
        population.checkpoints.truncate(300);
        population.strata[0].1 = LabelColumn::Texts(
            (0..300)
                .map(|row| Some((row % 3 == 0).to_string()))
                .collect(),
        );
        population.target = RawTarget::Numbers((0..300).map(|row| f64::from(row % 20)).collect());
        let splits = Splits::draw(&population, &Protocol::default()).unwrap();
        assert_eq!(splits.test.len(), 90);
        let of_stratum = splits.test.iter().filter(|&&row| row % 3 == 0).count();
        assert!((28..=32).contains(&of_stratum), "{of_stratum}");
        let high = splits.test.iter().filter(|&&row| row % 20 >= 10).count();
        assert!((40..=50).contains(&high), "{high}");
    }

    #[test]
    fn the_seed_alone_decides() {
        let population = population(5, 60);
        let draw = |seed| {
            let protocol = Protocol {
                seed,
                ..Protocol::default()
            };
            Splits::draw(&population, &protocol).unwrap()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1).test, draw(2).test);
        assert_ne!(draw(1).repeats[0], draw(1).repeats[1]);
    }

    #[test]
    fn too_few_groups_are_refused_with_both_numbers() {
        let error = Splits::draw(&population(1, 14), &Protocol::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "14 groups have a usable network, the test set and 5 folds need at least 15"
        );
    }

    #[test]
    fn a_group_on_both_sides_is_refused() {
        let population = population(5, 20);
        let all: Vec<usize> = (0..population.n_rows()).collect();
        let error = check_apart(&population, &all, &[0], "fold 2").unwrap_err();
        assert_eq!(error.to_string(), "group `run0` is on both sides of fold 2");
    }
}
