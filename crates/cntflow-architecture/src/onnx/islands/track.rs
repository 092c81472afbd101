//! Where the neurons of a layer stand in a value that is made of its output.

/// The axis of a value along which neurons lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NeuronAxis {
    /// An axis, counted from the first.
    Front(usize),
    /// An axis, counted from the last, which is 1.
    Back(usize),
    /// Two axes, the directions of a recurrent layer and the units of one, counted from the first.
    Pair(usize, usize),
}

use NeuronAxis::{Back, Front, Pair};

/// Where the neurons of a layer stand in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Track {
    /// Number of axes, if it is known.
    pub(super) rank: Option<usize>,
    pub(super) axis: NeuronAxis,
    /// Number of neurons.
    pub(super) n: usize,
    /// Whether there is only one value for each neuron and input.
    pub(super) is_alone: bool,
}

impl Track {
    /// Channels of an image, or of columns.
    pub(super) fn channels(n: usize, rank: usize) -> Self {
        Self {
            rank: Some(rank),
            axis: Front(1),
            n,
            is_alone: rank == 2,
        }
    }

    /// Units on the last axis.
    pub(super) fn units(n: usize, rank: Option<usize>) -> Self {
        Self {
            rank,
            axis: rank.map_or(Back(1), |rank| Front(rank.saturating_sub(1))),
            n,
            is_alone: rank == Some(2),
        }
    }

    /// The axis counted from the last, which is 1; `None` if that is not known.
    pub(super) fn back_index(self) -> Option<usize> {
        match (self.axis, self.rank) {
            (Back(back), _) => Some(back),
            (Front(front), Some(rank)) => rank.checked_sub(front),
            _ => None,
        }
    }

    /// Whether its neurons stand where a kernel takes its inputs from.
    pub(super) fn fits(self, wanted: Self) -> bool {
        let is_same = match (self.axis, wanted.axis) {
            (Pair(..), _) | (_, Pair(..)) => false,
            (Front(own), Front(other)) => own == other,
            _ => self.back_index().is_some() && self.back_index() == wanted.back_index(),
        };
        let same_rank = match (self.rank, wanted.rank) {
            (Some(own), Some(other)) => own == other,
            // A kernel that takes any rank.
            (_, None) => true,
            (None, Some(_)) => false,
        };
        is_same && same_rank && self.n == wanted.n
    }

    /// Behind a transposition; `None` if the number of axes is not known to be that of the list.
    pub(super) fn transposed(self, permutation: &[i64]) -> Option<Self> {
        let moved = |axis: usize| {
            let axis = i64::try_from(axis).ok()?;
            permutation.iter().position(|&from| from == axis)
        };
        if self.rank? != permutation.len() {
            return None;
        }
        let axis = match self.axis {
            Front(axis) => Front(moved(axis)?),
            Back(_) => Front(moved(self.rank? - self.back_index()?)?),
            Pair(directions, units) => Pair(moved(directions)?, moved(units)?),
        };
        Some(Self { axis, ..self })
    }

    /// Without these axes; `None` if one of them is that of the neurons.
    pub(super) fn squeezed(self, axes: &[i64]) -> Option<Self> {
        let mut dropped = axes
            .iter()
            .map(|&axis| self.index(axis, self.rank?))
            .collect::<Option<Vec<usize>>>()?;
        dropped.sort_unstable();
        dropped.dedup();
        let moved = |axis: usize| {
            let before = dropped.iter().filter(|&&dropped| dropped < axis).count();
            (!dropped.contains(&axis)).then_some(axis - before)
        };
        let axis = self.moved(moved)?;
        let rank = Some(self.rank?.checked_sub(dropped.len())?);
        Some(Self { rank, axis, ..self })
    }

    /// With axes of size 1 at these places of the new value.
    pub(super) fn unsqueezed(self, axes: &[i64]) -> Option<Self> {
        let rank = self.rank? + axes.len();
        let mut added = axes
            .iter()
            .map(|&axis| self.index(axis, rank))
            .collect::<Option<Vec<usize>>>()?;
        added.sort_unstable();
        added.dedup();
        if added.len() != axes.len() {
            return None;
        }
        let kept: Vec<usize> = (0..rank).filter(|axis| !added.contains(axis)).collect();
        let axis = self.moved(|axis| kept.get(axis).copied())?;
        Some(Self {
            rank: Some(rank),
            axis,
            ..self
        })
    }

    /// With the axis of the neurons elsewhere.
    fn moved(self, moved: impl Fn(usize) -> Option<usize>) -> Option<NeuronAxis> {
        Some(match self.axis {
            Front(axis) => Front(moved(axis)?),
            Back(back) => Front(moved(self.rank?.checked_sub(back)?)?),
            Pair(directions, units) => Pair(moved(directions)?, moved(units)?),
        })
    }

    /// The index of an axis, which may be counted from the end.
    fn index(self, axis: i64, rank: usize) -> Option<usize> {
        let size = i64::try_from(rank).ok()?;
        let axis = if axis < 0 { axis + size } else { axis };
        usize::try_from(axis).ok().filter(|&axis| axis < rank)
    }

    /// Whether these axes, which may be counted from the end, are not those of the neurons.
    pub(super) fn is_beside(self, axes: &[i64]) -> bool {
        let is_beside = |&axis: &i64| match self.axis {
            Front(own) => match self.rank {
                Some(rank) => self.index(axis, rank).is_some_and(|axis| axis != own),
                None => false,
            },
            Back(back) => axis < 0 && axis.unsigned_abs() as usize != back,
            Pair(directions, units) => {
                let axis = self.rank.and_then(|rank| self.index(axis, rank));
                axis.is_some_and(|axis| axis != directions && axis != units)
            }
        };
        axes.iter().all(is_beside)
    }

    /// Behind a reshaping to these sizes, where it is clear what becomes of the neurons: they stay
    /// on the last axis, the two axes of directions and units become one, or there is nothing else
    /// but the inputs of the batch.
    pub(super) fn reshaped(self, sizes: &[i64]) -> Option<Self> {
        let n = i64::try_from(self.n).ok()?;
        let &last = sizes.last()?;
        let rank = sizes.len();
        let as_last = Self {
            rank: Some(rank),
            axis: Front(rank - 1),
            ..self
        };
        let stays_last = self.back_index() == Some(1) && last == n;
        let is_joined = match self.axis {
            Pair(directions, units) => {
                let is_behind = self.rank == Some(units + 1) && units == directions + 1;
                let others_stay = sizes[..rank - 1].iter().all(|&size| size == 0);
                is_behind && (last == n || (last == -1 && others_stay && rank == units))
            }
            _ => false,
        };
        let is_flat = self.is_alone && self.axis == Front(1) && rank == 2;
        let flattens = is_flat && (last == n || (last == -1 && [0, 1].contains(&sizes[0])));
        (stays_last || is_joined || flattens).then_some(as_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neurons_are_followed_through_changes_of_the_layout() {
        let columns = Track::channels(5, 3);
        let steps = columns.transposed(&[2, 0, 1]).unwrap();
        assert_eq!(steps.axis, Front(2));
        assert!(steps.fits(Track::units(5, None)));
        assert!(!columns.fits(Track::units(5, None)));
        assert_eq!(columns.transposed(&[1, 0]), None);
        assert_eq!(columns.squeezed(&[1]), None);
        assert_eq!(columns.squeezed(&[-1]).unwrap().axis, Front(1));
        assert_eq!(columns.unsqueezed(&[1]).unwrap().axis, Front(2));
        assert_eq!(columns.unsqueezed(&[-1]).unwrap().axis, Front(1));
        assert!(columns.is_beside(&[2]) && !columns.is_beside(&[-2]));
        assert_eq!(columns.reshaped(&[0, -1]), None);
        assert_eq!(steps.reshaped(&[-1, 5]).unwrap().axis, Front(1));
        assert_eq!(steps.reshaped(&[-1, 15]), None);
    }

    #[test]
    fn directions_and_units_become_one_axis_only_in_this_order() {
        let sequence = Track {
            rank: Some(4),
            axis: Pair(1, 3),
            n: 6,
            is_alone: false,
        };
        assert_eq!(sequence.reshaped(&[0, 0, -1]), None);
        let turned = sequence.transposed(&[0, 2, 1, 3]).unwrap();
        let joined = turned.reshaped(&[0, 0, -1]).unwrap();
        assert_eq!((joined.axis, joined.rank), (Front(2), Some(3)));
        assert!(joined.fits(Track::units(6, None)));
    }
}
