//! A tensor as a view of a storage.

use std::borrow::Cow;

use cntflow_storage::{FormatError, Limits};

use crate::{StridedLayout, TensorEntry, tensor_entry::checked_bytes};

/// How a tensor lies in its storage. Offset and strides are counted in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Bytes of an element.
    pub(super) width: usize,
    /// Index of its first element in the storage.
    pub(super) offset: usize,
    /// Distance of neighbours in every dimension.
    pub(super) strides: Vec<usize>,
}

impl View {
    /// A whole storage as bytes.
    pub(super) fn of_bytes() -> Self {
        Self {
            width: 1,
            offset: 0,
            strides: vec![1],
        }
    }

    /// Checks that all elements lie in a storage of `storage_bytes`, and that the tensor is not
    /// much larger than it: a stride of 0 repeats elements.
    pub(super) fn check(
        &self,
        entry: &TensorEntry,
        storage_bytes: usize,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let TensorEntry {
            name,
            shape,
            element,
            ..
        } = entry;
        let bytes = checked_bytes(name, shape, *element)?;
        if self.strides.len() != shape.len() {
            return Err(FormatError::broken(format!(
                "tensor {name} has {} dimensions and {} strides",
                shape.len(),
                self.strides.len()
            )));
        }
        if bytes == 0 {
            return Ok(());
        }
        let last = shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |last, (&size, &stride)| {
                last.checked_add((size - 1).checked_mul(stride)?)
            });
        let end = last.and_then(|last| last.checked_add(1)?.checked_mul(self.width));
        if end.is_none_or(|end| end > storage_bytes) {
            return Err(FormatError::broken(format!(
                "tensor {name} {shape:?} from element {} on, with strides {:?}, ends beyond its storage of {storage_bytes} bytes",
                self.offset, self.strides
            )));
        }
        if !self.is_contiguous(shape) {
            let what =
                format!("bytes of tensor {name}, made of a storage of {storage_bytes} bytes");
            let (bytes, expanded) = (
                bytes as u64,
                limits.expansion.saturating_mul(storage_bytes as u64),
            );
            FormatError::check_limit(&*what, bytes, "decoded_bytes", limits.decoded_bytes)?;
            FormatError::check_limit(what, bytes, "expansion", expanded)?;
        }
        Ok(())
    }

    fn is_contiguous(&self, shape: &[usize]) -> bool {
        let mut expected = 1;
        shape
            .iter()
            .zip(&self.strides)
            .rev()
            .all(|(&size, &stride)| {
                let fits = size <= 1 || stride == expected;
                expected *= size.max(1);
                fits
            })
    }

    /// The elements, row-major. The view has been checked against the storage.
    pub(super) fn elements<'a>(&self, storage: Cow<'a, [u8]>, shape: &[usize]) -> Cow<'a, [u8]> {
        let n: usize = shape.iter().product();
        if n == 0 {
            return Cow::Borrowed(&[]);
        }
        let (first, length) = (self.offset * self.width, n * self.width);
        if self.is_contiguous(shape) {
            return match storage {
                Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[first..first + length]),
                Cow::Owned(bytes) => Cow::Owned(bytes[first..first + length].to_vec()),
            };
        }
        let layout = StridedLayout {
            width: self.width,
            offset: self.offset,
            shape,
            strides: &self.strides,
        };
        Cow::Owned(layout.gather(&storage))
    }
}
