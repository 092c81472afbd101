//! Snapshots: a file stacks the states of a training run along the first dimension of every kernel,
//! and a snapshot is one of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cntflow_storage::FormatError;

use crate::{Description, TensorEntry, format::Format};

/// The tensors of one snapshot.
#[derive(Debug)]
pub struct Snapshot {
    whole: Box<dyn Format>,
    tensors: Vec<TensorEntry>,
    /// Index along the first dimension.
    row: usize,
    /// Size of the first dimension.
    n_snapshots: usize,
}

/// The number of snapshots in a file: the first size of its three-dimensional tensors. `None` if
/// they disagree, or if there are none.
pub fn n_snapshots(tensors: &[TensorEntry]) -> Option<usize> {
    let mut kernels = tensors.iter().filter(|tensor| tensor.shape.len() == 3);
    let first = kernels.next()?.shape[0];
    kernels
        .all(|tensor| tensor.shape[0] == first)
        .then_some(first)
}

/// The snapshot `row` of a file.
///
/// # Errors
/// Its tensors are no stacks of snapshots, or there is no snapshot `row`.
pub fn snapshot(whole: Box<dyn Format>, row: u64) -> Result<Snapshot, FormatError> {
    let snapshots = n_snapshots(whole.tensors()).ok_or_else(|| {
        FormatError::broken(
            "it holds no tensors [snapshot, n_in, n_out] that agree in the number of snapshots",
        )
    })?;
    let index = usize::try_from(row).ok().filter(|&row| row < snapshots);
    let index = index.ok_or_else(|| {
        FormatError::broken(format!(
            "it holds {snapshots} snapshots, but no snapshot {row}"
        ))
    })?;
    let tensors = whole.tensors().iter().map(|tensor| {
        let mut tensor = tensor.clone();
        if is_stacked(&tensor, snapshots) {
            tensor.shape.remove(0);
        } else {
            tensor.excluded_because = Some("a record of the training".to_owned());
        }
        tensor
    });
    Ok(Snapshot {
        tensors: tensors.collect(),
        whole,
        row: index,
        n_snapshots: snapshots,
    })
}

/// Whether a tensor is a kernel of every snapshot.
fn is_stacked(tensor: &TensorEntry, snapshots: usize) -> bool {
    tensor.shape.len() == 3 && tensor.shape[0] == snapshots
}

impl Format for Snapshot {
    fn name(&self) -> &'static str {
        self.whole.name()
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let all = self.whole.elements(file, index)?;
        if self.tensors[index].excluded_because.is_some() {
            return Ok(all);
        }
        let length = all.len() / self.n_snapshots;
        let range = self.row * length..(self.row + 1) * length;
        Ok(match all {
            Cow::Borrowed(all) => Cow::Borrowed(&all[range]),
            Cow::Owned(all) => Cow::Owned(all[range].to_vec()),
        })
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.whole.metadata()
    }

    fn description<'a>(&'a self, _file: &'a [u8]) -> Option<Description<'a>> {
        Some(Description::Snapshot)
    }
}
