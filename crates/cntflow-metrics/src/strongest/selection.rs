//! Choosing the largest absolute values of many in one pass. A heap holds those chosen so far, and
//! whatever is smaller than all of them is skipped a run at a time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::ends::KernelEntries;

/// A weight as a kernel holds it.
pub(super) trait KernelWeight: Copy + Into<f64> {
    /// Whether it is smaller than `least`, the absolute value of a weight of the same type. NaN is
    /// not.
    fn is_smaller(self, least: f64) -> bool;
}

impl KernelWeight for f32 {
    fn is_smaller(self, least: f64) -> bool {
        // Exact. Without widening the weights, twice as many are compared at once.
        self.abs() < least as f32
    }
}

impl KernelWeight for f64 {
    fn is_smaller(self, least: f64) -> bool {
        self.abs() < least
    }
}

/// Weights that are compared with the least chosen one at once, so that the processor compares
/// several in an instruction.
const RUN: usize = 64;

/// The links chosen so far.
#[derive(Debug)]
pub(super) struct Selection {
    most: usize,
    /// The weakest is on top.
    chosen: BinaryHeap<Chosen>,
    /// A link with a smaller absolute weight is not chosen: 0 until `most` are.
    least: f64,
    n_links: u64,
}

#[derive(Clone, Copy, Debug)]
struct Chosen {
    weight: f64,
    /// Where the link comes from and leads to.
    order: [usize; 2],
    /// Index of the entry in the kernel. It decides between links that join the same neurons.
    index: usize,
}

impl Chosen {
    fn key(&self) -> ([usize; 2], usize) {
        (self.order, self.index)
    }
}

/// The weaker link is the greater one: of equal weights the one with the larger indices.
impl Ord for Chosen {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_size = other.weight.abs().total_cmp(&self.weight.abs());
        by_size.then_with(|| self.key().cmp(&other.key()))
    }
}

impl PartialOrd for Chosen {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Chosen {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Chosen {}

impl Selection {
    /// Chooses up to `most` links.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            chosen: BinaryHeap::with_capacity(most + 1),
            least: 0.0,
            n_links: 0,
        }
    }

    /// Number of links with finite weights so far.
    pub(super) fn n_links(&self) -> u64 {
        self.n_links
    }

    /// Chooses among the entries of a kernel, each a link.
    pub(super) fn add_each<T: KernelWeight>(&mut self, kernel: &[T], entries: &KernelEntries<'_>) {
        for (run, weights) in kernel.chunks(RUN).enumerate() {
            let least = self.least;
            // Without a branch this takes hardly more time than reading the weights.
            if weights
                .iter()
                .fold(true, |all, &w| all & w.is_smaller(least))
            {
                self.n_links += weights.len() as u64;
                continue;
            }
            for (offset, &weight) in weights.iter().enumerate() {
                self.add(weight.into(), run * RUN + offset, entries);
            }
        }
    }

    /// Chooses among pairs of channels. Each has a run of entries, one for each tap, of which the
    /// largest counts. Taps that are applied nowhere make no links.
    pub(super) fn add_runs<T: Copy + Into<f64>>(
        &mut self,
        kernel: &[T],
        times: &[u64],
        entries: &KernelEntries<'_>,
    ) {
        let taps = times.len().max(1);
        for (pair, weights) in kernel.chunks(taps).enumerate() {
            let mut largest: Option<(usize, f64)> = None;
            for (tap, (&weight, &times)) in weights.iter().zip(times).enumerate() {
                let weight: f64 = weight.into();
                let is_larger = largest.is_none_or(|(_, other)| weight.abs() > other.abs());
                if times > 0 && weight.is_finite() && is_larger {
                    largest = Some((tap, weight));
                }
            }
            if let Some((tap, weight)) = largest {
                self.add(weight, pair * taps + tap, entries);
            }
        }
    }

    fn add(&mut self, weight: f64, index: usize, entries: &KernelEntries<'_>) {
        if !weight.is_finite() {
            return;
        }
        self.n_links += 1;
        if weight.abs() < self.least {
            return;
        }
        let link = Chosen {
            weight,
            order: entries.order(index),
            index,
        };
        if self.chosen.len() < self.most {
            self.chosen.push(link);
        } else if let Some(mut weakest) = self.chosen.peek_mut()
            && link < *weakest
        {
            *weakest = link;
        }
        if self.chosen.len() == self.most {
            self.least = self
                .chosen
                .peek()
                .map_or(0.0, |weakest| weakest.weight.abs());
        }
    }

    /// The chosen links, the strongest first: index of the entry, and weight.
    pub(super) fn into_sorted(self) -> Vec<(usize, f64)> {
        let sorted = self.chosen.into_sorted_vec().into_iter();
        sorted.map(|link| (link.index, link.weight)).collect()
    }
}
