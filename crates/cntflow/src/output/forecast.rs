//! What `cntflow check` prints.

use serde_json::{Value, json};

use super::run_summary::metadata_json;
use crate::progress::duration::duration_text;
use crate::run::forecast::Forecast;
use crate::run::local_cluster::LocalCluster;

impl Forecast {
    /// A line for each kind of work, then time and memory.
    pub(crate) fn text(&self, processes: LocalCluster) -> String {
        let mut lines = Vec::new();
        if self.n_runs + self.n_runs_done > 0 {
            lines.push(format!(
                "runs         {} to train, {} done",
                self.n_runs, self.n_runs_done
            ));
        }
        let failed = match self.n_failed {
            0 => String::new(),
            n => format!(" ({n} of them failed; --retry-failed measures these again)"),
        };
        lines.push(format!(
            "checkpoints  {}: {} done{failed}, {} to reuse, {} to measure",
            self.n_checkpoints,
            self.n_done,
            self.reusable.len(),
            self.n_to_measure
        ));
        if self.n_without_twin > 0 {
            let twins: Vec<&str> = self.twins_to_measure.iter().copied().collect();
            lines.push(format!(
                "twins        {} of those that are done lack a twin, which is to be measured: {}",
                self.n_without_twin,
                twins.join(", ")
            ));
        }
        let taken = self.reusable.taken.iter();
        for (folder, taken) in taken.filter(|(_, taken)| !taken.is_empty()) {
            lines.push(format!(
                "reuse        {} of {}: the same content, measured in the same way",
                taken.len(),
                folder.display()
            ));
        }
        lines.extend(
            self.reusable
                .notes
                .iter()
                .map(|note| format!("no reuse     {note}")),
        );
        if let Some((name, bytes)) = &self.largest {
            lines.push(format!(
                "size         {} to read; the largest is {name}, {}",
                size_text(self.bytes),
                size_text(*bytes)
            ));
        }
        if !self.skipped_files.is_empty() {
            lines.push(format!(
                "skipped      {} files that are not checkpoints ('cntflow catalog' lists them)",
                self.skipped_files.len()
            ));
        }
        let metadata = self.metadata.iter();
        lines.extend(metadata.map(|mismatch| format!("labels       {mismatch}")));
        let LocalCluster {
            n_processes,
            n_workers,
        } = processes;
        let (workers, of_each) = match n_processes {
            1 => (format!("{n_workers} workers"), String::new()),
            n => (
                format!("{n} processes of {n_workers} workers each"),
                format!(" for each of {n} processes"),
            ),
        };
        lines.push(match self.seconds {
            Some(seconds) if self.basis.is_empty() => {
                format!("time         {}: nothing to do", duration_text(seconds))
            }
            Some(seconds) => format!(
                "time         about {} on {workers}, by {}; populations and experiments \
                 come on top",
                duration_text(seconds),
                self.basis.join(" and ")
            ),
            None => "time         not known: one epoch of the smallest run takes more than 20 s"
                .to_owned(),
        });
        lines.push(format!(
            "memory       about {}{of_each}",
            size_text(self.memory)
        ));
        lines.join("\n")
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let reused = self.reusable.taken.iter();
        let reused =
            reused.map(|(folder, taken)| json!({ "folder": folder, "checkpoints": taken.len() }));
        json!({
            "runs": { "done": self.n_runs_done, "to_train": self.n_runs },
            "checkpoints": {
                "all": self.n_checkpoints,
                "done": self.n_done,
                "done_but_failed": self.n_failed,
                "done_without_twin": self.n_without_twin,
                "to_reuse": self.reusable.len(),
                "to_measure": self.n_to_measure,
                "passed_over": self.skipped_files.len(),
            },
            "reuse": reused.collect::<Vec<_>>(),
            "not_reused": self.reusable.notes,
            "twins_to_measure": self.twins_to_measure,
            "metadata": metadata_json(self.metadata.as_ref()),
            "bytes": self.bytes,
            "largest": self.largest.as_ref().map(|(name, bytes)| {
                json!({ "checkpoint": name, "bytes": bytes })
            }),
            "seconds": self.seconds,
            "seconds_by": self.basis,
            "memory": self.memory,
            "refused": self.refused,
        })
    }
}

/// A size as people read it.
fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];

    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    if unit == 0 || size >= 100.0 {
        format!("{size:.0} {}", UNITS[unit])
    } else {
        format!("{size:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn sizes_have_two_or_three_digits() {
        let texts = [999, 1_500, 123_456_789, 2_000_000_000_000_000].map(size_text);
        assert_eq!(texts, ["999 B", "1.5 kB", "123 MB", "2000 TB"]);
    }
}
