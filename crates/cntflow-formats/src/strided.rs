//! Gathering the elements of a strided array into row-major order.

/// Where the elements of an array lie in a longer list of values.
///
/// Element `[i, j, ...]` is the `width` values from `width * (offset + i * strides[0] + j *
/// strides[1] + ...)` on.
///
/// ```
/// use cntflow_formats::StridedLayout;
///
/// // The transpose of a 2 x 3 matrix without its first column.
/// let layout = StridedLayout { width: 1, offset: 1, shape: &[2, 2], strides: &[1, 3] };
/// assert_eq!(layout.gather(&[0, 1, 2, 3, 4, 5]), [1, 4, 2, 5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StridedLayout<'a> {
    /// How many values make one element: 1 if the values are numbers, the element's size if they
    /// are bytes.
    pub width: usize,
    /// Position of the first element, in elements.
    pub offset: usize,
    /// Elements along each dimension.
    pub shape: &'a [usize],
    /// Distance of neighbours along each dimension, in elements; as many as there are dimensions.
    pub strides: &'a [usize],
}

impl StridedLayout<'_> {
    /// All elements in row-major order. The list has `width` values for each element; it is empty
    /// if a dimension has size 0.
    ///
    /// # Panics
    /// An element lies beyond the end of `values`: whoever reads a file checks its strides first.
    pub fn gather<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let n: usize = self.shape.iter().product();
        let mut gathered = Vec::with_capacity(n * self.width);
        if n == 0 {
            return gathered;
        }
        let rank = self.shape.len().min(self.strides.len());
        let (outer, inner) = (0..rank).partition::<Vec<usize>, _>(|&dim| dim + 1 < rank);
        let (size, stride) = inner
            .first()
            .map_or((1, 1), |&dim| (self.shape[dim], self.strides[dim]));
        let mut index = vec![0; outer.len()];
        let mut row_start = self.offset;
        for _ in 0..n / size {
            self.gather_row(values, (row_start, size, stride), &mut gathered);
            // Count up like an odometer: the last of the outer dimensions turns fastest.
            for &dim in outer.iter().rev() {
                index[dim] += 1;
                row_start += self.strides[dim];
                if index[dim] < self.shape[dim] {
                    break;
                }
                row_start -= self.strides[dim] * self.shape[dim];
                index[dim] = 0;
            }
        }
        gathered
    }

    /// Appends the `size` elements of one row.
    fn gather_row<T: Copy>(
        &self,
        values: &[T],
        (start, size, stride): (usize, usize, usize),
        gathered: &mut Vec<T>,
    ) {
        let positions = (0..size).map(|i| start + i * stride);
        // Single values need no copy of a slice each, which matters for large kernels.
        if self.width == 1 {
            gathered.extend(positions.map(|position| values[position]));
        } else {
            for position in positions {
                gathered.extend_from_slice(&values[position * self.width..][..self.width]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_in_row_major_order() {
        let check = |layout: StridedLayout<'_>, expected: &[u8]| {
            let values: Vec<u8> = (0..24).collect();
            assert_eq!(layout.gather(&values), expected, "{layout:?}");
        };
        let layout = |width, offset, shape, strides| StridedLayout {
            width,
            offset,
            shape,
            strides,
        };
        check(layout(1, 0, &[2, 3], &[3, 1]), &[0, 1, 2, 3, 4, 5]);
        check(layout(1, 1, &[2, 2], &[1, 6]), &[1, 7, 2, 8]);
        check(layout(2, 1, &[2], &[3]), &[2, 3, 8, 9]);
        check(
            layout(1, 0, &[2, 2, 2], &[1, 12, 4]),
            &[0, 4, 12, 16, 1, 5, 13, 17],
        );
        check(layout(4, 2, &[], &[]), &[8, 9, 10, 11]);
        check(layout(1, 0, &[0, 3], &[3, 1]), &[]);
        check(layout(1, 5, &[3], &[0]), &[5, 5, 5]);
    }
}
