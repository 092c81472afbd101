//! The loop of a watched study: look, update, report, wait.

use std::time::{Duration, Instant};

use anyhow::Context;
use cntflow_catalog::Catalog;
use cntflow_dataflow::Stop;
use cntflow_storage::FullMessage;

use super::files::{SourceGone, Sources};
use super::follow::{Changed, Follower};
use super::live_study::LiveStudy;
use super::options::WatchOptions;
use super::pace::{A_LITTLE, Pace};
use super::report::{Report, predictions};
use super::update::Update;
use super::{NEXT, Next};
use crate::analysis::known_groups::KnownGroups;
use crate::analysis::population_tables::PopulationTables;
use crate::exit::{ExitStatus, UsageError};
use crate::experiments::run_experiments::{ExperimentRun, Experiments};
use crate::folder::differences::option_differences;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::output::resume::resume_command;
use crate::printer;
use crate::run::label_columns::OtherLabelType;
use crate::run::membership::Membership;
use crate::run::options::{RunOptions, RunUntil};
use crate::run::pending::PendingWork;
use crate::run::reuse::require_folders;
use crate::run::run_plan::{PlanRun, run_plan};
use crate::run::session::Session;
use crate::run::sources::{check_output_location, require_metadata, with_usage};
use crate::study::plan::Plan;

/// Longest time until the loss of another process is noticed while nothing happens.
const LOOK_AT_OTHERS: Duration = Duration::from_secs(1);

/// Where process 0 tells the others whether the study goes on after training.
const AFTER_TRAINING: &str = "the end of training";

/// One watched study in this process.
#[derive(Clone, Copy)]
pub(crate) struct Watching<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) options: &'a RunOptions,
    pub(crate) watch: &'a WatchOptions,
    pub(crate) membership: &'a Membership,
    pub(crate) stop: &'a Stop,
}

impl Watching<'_> {
    /// Watches until the user or an option ends it.
    ///
    /// # Errors
    /// A source does not exist; the output folder belongs to another study or cannot be written to;
    /// a worker or another process failed.
    pub(crate) fn run(&self) -> anyhow::Result<ExitStatus> {
        check_output_location(self.plan, &self.options.out)?;
        require_folders(&self.options.reuse)?;
        self.check_model()?;
        // The runs of the study come first: they are trained once, as any run does.
        if !self.plan.runs.is_empty() {
            let options = RunOptions {
                until: RunUntil::Trained,
                ..self.options.clone()
            };
            let outcome = run_plan(self.plan, &options, self.membership, self.stop)?;
            // A signal may come to one process a moment before the others.
            let goes_on = (!self.stop.is_set()).to_string();
            let told = self.membership.told_by_leader(AFTER_TRAINING, &goes_on)?;
            if told != "true" {
                return self.membership.agree_on_status(outcome.status());
            }
        }
        // What these ask for was done before training.
        let has_trained = !self.plan.runs.is_empty();
        let options = RunOptions {
            fresh: self.options.fresh && !has_trained,
            retry_failed: self.options.retry_failed && !has_trained,
            ..self.options.clone()
        };
        let watching = Watching {
            options: &options,
            ..*self
        };
        let status = if self.membership.is_leader() {
            watching.lead()?
        } else {
            watching.help()?
        };
        self.membership.agree_on_status(status)
    }

    /// A model is of use only if the checkpoints are measured as those that it was trained on.
    fn check_model(&self) -> Result<(), UsageError> {
        let Some(model) = &self.watch.model else {
            return Ok(());
        };
        let (ours, theirs) = (self.plan.measure.measured_with(), model.measured_with());
        if ours != theirs {
            return Err(UsageError(format!(
                "--predict: this study measures otherwise than the networks of the model were \
                 measured: {}; measure as they were, or take another model",
                option_differences(&ours, theirs).join("; ")
            )));
        }
        Ok(())
    }

    fn lead(&self) -> anyhow::Result<ExitStatus> {
        let follower = Follower::start(self.plan, &self.options.out);
        let mut report = Report::new();
        let mut sources = Sources::of(self.plan);
        let Some(first) = self.first_look(&mut sources, &follower, &report)? else {
            self.membership.told_by_leader(NEXT, Next::End.as_str())?;
            if self.stop.is_set() {
                printer::note(&format!("stopped. To go on: {}", resume_command()));
            }
            return Ok(ExitStatus::of_stop(self.stop));
        };
        let mut study =
            LiveStudy::open(self.plan, self.options, self.membership, self.stop, &first)?;
        sources.expect(study.held_names());
        self.membership
            .told_by_leader(NEXT, Next::Claimed.as_str())?;
        self.membership.require_shared(&self.options.out)?;
        let has_problem = self.follow(&mut sources, &follower, &mut report, &mut study, first)?;
        study.write_known_files()?;
        let n_failed = study.n_failed();
        if self.stop.is_set() {
            printer::note(&format!(
                "stopped; everything measured is saved. To go on: {}",
                resume_command()
            ));
        } else {
            study.merge()?;
        }
        self.membership.told_by_leader(NEXT, Next::End.as_str())?;
        Ok(if self.stop.is_set() {
            ExitStatus::of_stop(self.stop)
        } else if has_problem {
            ExitStatus::Failed
        } else if n_failed > 0 {
            ExitStatus::SomeFailed
        } else {
            ExitStatus::Done
        })
    }

    /// Looks until there is a checkpoint. `None` if an option or the user ends the program before.
    ///
    /// # Errors
    /// A source cannot be read, and there was no study here before: somebody may have mistyped it.
    fn first_look(
        &self,
        sources: &mut Sources<'_>,
        follower: &Follower,
        report: &Report,
    ) -> anyhow::Result<Option<Catalog>> {
        let is_known = StudyRecord::read(&self.options.out)?.is_some();
        if !is_known {
            require_metadata(&self.plan.catalog)?;
        }
        let since = Instant::now();
        let mut last_problem = String::new();
        loop {
            let problem = match sources.look() {
                Ok(catalog) if !catalog.is_empty() || !self.plan.runs.is_empty() => {
                    return Ok(Some(catalog));
                }
                Ok(_) if is_known => "no checkpoints in the sources; what the tables have stays \
                                      until there are some"
                    .to_owned(),
                Ok(_) => "no checkpoints in the sources yet".to_owned(),
                Err(error) if is_known && is_of_sources(&error) => (*error).full_message(),
                Err(error) => return Err(with_usage(error)),
            };
            if problem != last_problem {
                report.problem(&problem);
                last_problem = problem;
            }
            let left = self.watch.until_idle;
            let left = left.map(|idle| idle.saturating_sub(since.elapsed()));
            if self.watch.once || left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            self.wait(
                follower,
                left.map_or(self.watch.poll, |left| left.min(self.watch.poll)),
            )?;
            if self.stop.is_set() {
                return Ok(None);
            }
        }
    }

    /// Follows the sources to the end. Returns whether they could not be looked at in the end.
    fn follow(
        &self,
        sources: &mut Sources<'_>,
        follower: &Follower,
        report: &mut Report,
        study: &mut LiveStudy<'_>,
        first: Catalog,
    ) -> anyhow::Result<bool> {
        let mut pace = Pace::new(self.watch);
        // A source may be unmounted already.
        let mut first = sources.check_reachable().is_ok().then_some(first);
        let mut changed = Changed::default();
        let mut has_begun = false;
        let mut last_problem = String::new();
        let mut known = KnownGroups::default();
        let mut has_failed_results = false;
        loop {
            pace.looked_at = Instant::now();
            let updated = match first.take() {
                Some(catalog) => {
                    pace.saw_all();
                    study.update(&catalog, sources, self.watch.quiet)
                }
                None => self.look(sources, study, &changed, &mut pace),
            };
            let mut unsettled = Vec::new();
            match updated {
                Ok(update) => {
                    last_problem.clear();
                    if !update.is_empty() || (!has_begun && update.unsettled.is_empty()) {
                        has_begun = true;
                        pace.changed();
                        let predicted = self.predict(study, &update.measured)?;
                        let seconds = pace.looked_at.elapsed().as_secs_f64();
                        let metadata = sources.metadata();
                        report.update(study, &update, metadata, predicted.as_ref(), seconds);
                    }
                    pace.settles_in =
                        (!update.unsettled.is_empty()).then_some(update.settles_in + A_LITTLE);
                    unsettled = update.unsettled;
                }
                Err(error) if is_of_sources(&error) => {
                    let message = (*error).full_message();
                    if message != last_problem {
                        report.problem(&message);
                        last_problem = message;
                    }
                    pace.settles_in = None;
                }
                Err(error) => return Err(error),
            }
            pace.looked(!last_problem.is_empty());
            if self.stop.is_set() {
                return Ok(false);
            }
            pace.rounds += 1;
            let ends_now = pace.ends_now();
            if pace.is_due() && last_problem.is_empty() && study.has_rows() {
                study.write_known_files()?;
                has_failed_results = !self.make_results(report, study, &mut known)?;
                pace.made_results(!has_failed_results);
            }
            if ends_now && !unsettled.is_empty() {
                printer::note(&format!(
                    "{} files are still being written; the next start takes them in",
                    unsettled.len()
                ));
            }
            if ends_now || pace.is_idle() || self.stop.is_set() {
                return Ok(has_failed_results || !last_problem.is_empty());
            }
            changed = self.wait(follower, pace.longest_wait())?;
            if !changed.is_empty() {
                self.pause(pace.pause());
            }
            follower.more(&mut changed);
            changed
                .paths
                .extend(unsettled.iter().filter_map(|path| path.canonicalize().ok()));
        }
    }

    /// Waits until something has changed, or the time is over. Other processes may be lost
    /// meanwhile.
    fn wait(&self, follower: &Follower, longest: Duration) -> anyhow::Result<Changed> {
        let since = Instant::now();
        loop {
            let left = longest.saturating_sub(since.elapsed());
            let changed = follower.wait(left.min(LOOK_AT_OTHERS), self.stop);
            self.membership.require_others()?;
            if !changed.is_empty() || left <= LOOK_AT_OTHERS || self.stop.is_set() {
                return Ok(changed);
            }
        }
    }

    /// Looks at what has changed, or at everything.
    fn look(
        &self,
        sources: &mut Sources<'_>,
        study: &mut LiveStudy<'_>,
        changed: &Changed,
        pace: &mut Pace<'_>,
    ) -> anyhow::Result<Update> {
        if !changed.is_unclear
            && !pace.must_see_all()
            && let Some(changes) = sources.look_at(&changed.paths)?
        {
            return study.update_some(changes, sources, self.watch.quiet);
        }
        let catalog = sources.look()?;
        pace.saw_all();
        study.update(&catalog, sources, self.watch.quiet)
    }

    fn pause(&self, pause: Duration) {
        let since = Instant::now();
        while since.elapsed() < pause && !self.stop.is_set() {
            std::thread::sleep(A_LITTLE);
        }
    }

    fn predict(
        &self,
        study: &LiveStudy<'_>,
        measured: &[String],
    ) -> anyhow::Result<Option<serde_json::Value>> {
        let Some(model) = &self.watch.model else {
            return Ok(None);
        };
        if measured.is_empty() {
            return Ok(Some(serde_json::json!([])));
        }
        let tables = study.folder().tables();
        let measured_with = &study.record().measured_with;
        let predicted = predictions(model, &tables, measured_with, measured);
        // A checkpoint that the model cannot be asked about does not end the study.
        Ok(Some(predicted.unwrap_or_else(
            |error| serde_json::json!({ "problem": (*error).full_message() }),
        )))
    }

    /// Writes the tables of populations, and runs the experiments. Populations that cannot be made
    /// now are a problem, not the end. Returns whether they were made.
    fn make_results(
        &self,
        report: &Report,
        study: &LiveStudy<'_>,
        known: &mut KnownGroups,
    ) -> anyhow::Result<bool> {
        let started = Instant::now();
        let (folder, record) = (study.folder(), study.record());
        let mut is_made = true;
        let populations = self.plan.measure.populations.as_ref().and_then(|spec| {
            let tables = PopulationTables {
                folder,
                record,
                spec,
                n_threads: self.options.workers.n_threads,
            };
            let written = tables.write_changed(&|name| study.version_of(name), known);
            written
                .map_err(|error| {
                    is_made = false;
                    report.problem(&(*error).full_message());
                })
                .ok()
        });
        let experiments = if self.plan.experiments.is_empty() {
            Experiments::default()
        } else {
            self.membership
                .told_by_leader(NEXT, Next::Experiments.as_str())?;
            self.experiments(folder, record)?
        };
        if populations.is_some() || !self.plan.experiments.is_empty() {
            report.results(
                populations.as_ref(),
                &experiments,
                started.elapsed().as_secs_f64(),
            );
        }
        Ok(is_made)
    }

    fn experiments(
        &self,
        folder: &StudyFolder,
        record: &StudyRecord,
    ) -> anyhow::Result<Experiments> {
        let run = ExperimentRun {
            folder,
            tables: &folder.tables(),
            record,
            labels: &self.plan.labels,
            workers: &self.options.workers,
            membership: self.membership,
            progress: self.options.progress,
            stop: self.stop,
        };
        run.run_all(&self.plan.experiments)
    }

    /// Helps process 0 until it ends.
    fn help(&self) -> anyhow::Result<ExitStatus> {
        let run = PlanRun {
            plan: self.plan,
            options: self.options,
            membership: self.membership,
            stop: self.stop,
        };
        loop {
            let told = self.membership.told_by_leader(NEXT, "")?;
            let next = Next::of(&told)
                .with_context(|| format!("process 0 wants '{told}', which is not known here"))?;
            match next {
                Next::Claimed => self.membership.require_shared(&self.options.out)?,
                Next::End => return Ok(ExitStatus::Done),
                Next::Tasks => {
                    // Its label columns may have changed.
                    let process = self.membership.process();
                    let session = Session::join(self.plan, self.options, process)?;
                    run.run_tasks(&session, PendingWork::default())?;
                }
                Next::Experiments => {
                    let process = self.membership.process();
                    let session = Session::join(self.plan, self.options, process)?;
                    self.experiments(&session.folder, &session.record)?;
                }
            }
        }
    }
}

/// Whether an error is about the sources, which may be there again later.
fn is_of_sources(error: &anyhow::Error) -> bool {
    error.is::<SourceGone>()
        || error.is::<cntflow_sources::SourceError>()
        || error.is::<cntflow_storage::StorageError>()
        || error.is::<cntflow_catalog::CatalogError>()
        || error.is::<OtherLabelType>()
}
