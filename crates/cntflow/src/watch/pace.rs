//! When a watched study is looked at, when results are made, and when it ends.

use std::time::{Duration, Instant};

use super::options::WatchOptions;

/// Shortest time between two looks.
pub(super) const A_LITTLE: Duration = Duration::from_millis(20);

/// How often `--once` waits for files that are being written.
const ROUNDS_OF_ONCE: usize = 8;

/// The times that matter.
#[derive(Debug)]
pub(super) struct Pace<'a> {
    watch: &'a WatchOptions,
    /// The beginning of the last look.
    pub(super) looked_at: Instant,
    /// How long until a file that is being written may have settled; `None` without such a file.
    pub(super) settles_in: Option<Duration>,
    /// Whether populations and experiments are of what there is now.
    has_results: bool,
    /// When results could not be made.
    failed_at: Option<Instant>,
    /// Number of looks.
    pub(super) rounds: usize,
    /// The end of the last update that changed something.
    changed_at: Instant,
    /// The last look at everything.
    saw_all_at: Instant,
    /// Whether that was after the last change.
    has_seen_all: bool,
    /// The end of the last look, and how long it took.
    looked_until: Instant,
    look_took: Duration,
    /// Whether it met a problem.
    has_problem: bool,
}

impl<'a> Pace<'a> {
    pub(super) fn new(watch: &'a WatchOptions) -> Self {
        let now = Instant::now();
        Self {
            watch,
            looked_at: now,
            settles_in: None,
            has_results: false,
            failed_at: None,
            rounds: 0,
            changed_at: now,
            saw_all_at: now,
            has_seen_all: false,
            looked_until: now,
            look_took: Duration::ZERO,
            has_problem: false,
        }
    }

    /// A look has ended, with or without a problem.
    pub(super) fn looked(&mut self, has_problem: bool) {
        self.looked_until = Instant::now();
        self.look_took = self.looked_at.elapsed();
        self.has_problem = has_problem;
    }

    /// Everything is being looked at now.
    pub(super) fn saw_all(&mut self) {
        self.saw_all_at = self.looked_at;
        self.has_seen_all = true;
    }

    /// Something has changed.
    pub(super) fn changed(&mut self) {
        self.changed_at = Instant::now();
        self.has_results = false;
        // Unless it was found by a look at everything.
        self.has_seen_all = self.saw_all_at == self.looked_at;
    }

    /// Results were made, or could not be: then they are made again after a while.
    pub(super) fn made_results(&mut self, is_made: bool) {
        self.has_results = is_made;
        self.failed_at = (!is_made).then(Instant::now);
    }

    /// How long until results that could not be made are made again.
    fn retry_in(&self) -> Duration {
        let since = self.failed_at.map(|failed_at| failed_at.elapsed());
        since.map_or(Duration::ZERO, |since| {
            self.watch.poll.saturating_sub(since)
        })
    }

    /// Whether the next look is at everything: from time to time, and before results are made.
    pub(super) fn must_see_all(&self) -> bool {
        self.saw_all_at.elapsed() >= self.watch.poll || (self.is_quiet() && !self.has_seen_all)
    }

    /// Whether nothing has changed for long enough.
    fn is_quiet(&self) -> bool {
        let quiet_for = self.changed_at.elapsed();
        self.settles_in.is_none()
            && (self.watch.once
                || quiet_for >= self.watch.results_after
                || self.watch.until_idle.is_some_and(|idle| quiet_for >= idle))
    }

    /// Whether it is time for populations and experiments.
    pub(super) fn is_due(&self) -> bool {
        let is_time = self.ends_now() || (self.is_quiet() && self.has_seen_all);
        !self.has_results && is_time && self.retry_in().is_zero()
    }

    /// Whether `--once` is done.
    pub(super) fn ends_now(&self) -> bool {
        let is_settled = self.settles_in.is_none() && self.has_seen_all;
        self.watch.once && (is_settled || self.rounds >= ROUNDS_OF_ONCE)
    }

    /// Whether `--until-idle` is done.
    pub(super) fn is_idle(&self) -> bool {
        let idle_for = self.watch.until_idle;
        let is_over = idle_for.is_some_and(|idle_for| self.changed_at.elapsed() >= idle_for);
        is_over && self.settles_in.is_none() && (self.has_seen_all || self.has_problem)
    }

    /// The longest time until the next look.
    pub(super) fn longest_wait(&self) -> Duration {
        let after_change = |after: Duration| after.saturating_sub(self.changed_at.elapsed());
        let idle = self.watch.until_idle.map(after_change);
        if self.has_problem {
            // It may be over at the next look.
            let poll = self.watch.poll.saturating_sub(self.looked_until.elapsed());
            return idle.map_or(poll, |idle| idle.min(poll)).max(self.pause());
        }
        let poll = self.watch.poll.saturating_sub(self.saw_all_at.elapsed());
        let results = (!self.has_results)
            .then(|| after_change(self.watch.results_after).max(self.retry_in()));
        let others = [self.settles_in, results, idle].into_iter().flatten();
        others
            .fold(poll.max(self.pause()), Duration::min)
            .max(A_LITTLE)
    }

    /// How long changes are collected before the next look. They come together, and a large
    /// population takes a while to look at: at most a fifth of the time goes into looking.
    pub(super) fn pause(&self) -> Duration {
        A_LITTLE.max((4 * self.look_took).min(self.watch.poll))
    }
}
