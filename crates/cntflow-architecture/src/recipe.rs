//! How the tensors that an architecture expects are made of those that a file holds.

/// What a tensor of the architecture is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorRecipe {
    /// One tensor of the file, seen in another way.
    Tensor(TensorSlice),
    /// Several, one after the other along the first dimension.
    Joined(Vec<TensorSlice>),
    /// Zeros: a bias that the file's framework does not keep apart.
    Zeros,
    /// Ones: the scale of a norm that the file's framework leaves out.
    Ones,
}

/// A tensor of a file as something else: reshaped, cut, its dimensions in another order, reshaped again, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSlice {
    /// Name of the file's tensor.
    pub tensor: String,
    /// The shape it is first read as; as many values.
    pub read_as: Option<Vec<usize>>,
    /// What is kept: a dimension, its first index, and one past its last.
    pub cuts: Vec<(usize, usize, usize)>,
    /// Which of its dimensions become the first, the second, ...; all of them if there is an order.
    pub order: Option<Vec<usize>>,
    /// The shape it has in the end; that which it has then, where none is given.
    pub shape: Option<Vec<usize>>,
}

impl TensorSlice {
    /// The whole tensor as it is.
    pub fn whole(tensor: impl Into<String>) -> Self {
        Self {
            tensor: tensor.into(),
            read_as: None,
            cuts: Vec::new(),
            order: None,
            shape: None,
        }
    }

    /// The tensor with its dimensions in another order: `[1, 0]` makes a kernel `[n_in, n_out]` one of `[n_out, n_in]`.
    pub fn reordered(tensor: impl Into<String>, order: &[usize]) -> Self {
        Self {
            order: Some(order.to_vec()),
            ..Self::whole(tensor)
        }
    }

    /// Keeps the indices from `first` to before `end` of a dimension.
    #[must_use]
    pub fn cut(mut self, dimension: usize, first: usize, end: usize) -> Self {
        self.cuts.push((dimension, first, end));
        self
    }

    /// Reads it as another shape first.
    #[must_use]
    pub fn read_as(mut self, shape: &[usize]) -> Self {
        self.read_as = Some(shape.to_vec());
        self
    }

    /// Gives it a shape in the end.
    #[must_use]
    pub fn shaped(mut self, shape: &[usize]) -> Self {
        self.shape = Some(shape.to_vec());
        self
    }

    /// Shape and values of the excerpt of a tensor.
    ///
    /// # Errors
    /// A shape, a cut or an order that does not fit the tensor, with both numbers.
    pub(crate) fn of<'a>(
        &self,
        shape: &[usize],
        values: std::borrow::Cow<'a, [f32]>,
    ) -> Result<(Vec<usize>, std::borrow::Cow<'a, [f32]>), String> {
        let mut seen = self.read_as.clone().unwrap_or_else(|| shape.to_vec());
        if product(&seen) != Some(values.len()) {
            return Err(format!(
                "tensor {} {shape:?} cannot be read as {seen:?}",
                self.tensor
            ));
        }
        let mut first = vec![0; seen.len()];
        let whole = seen.clone();
        for &(dimension, start, end) in &self.cuts {
            match seen.get_mut(dimension) {
                Some(size) if start <= end && end - start <= *size && end <= whole[dimension] => {
                    (*size, first[dimension]) = (end - start, start);
                }
                _ => {
                    return Err(format!(
                        "tensor {} {whole:?} has no {start}..{end} in dimension {dimension}",
                        self.tensor
                    ));
                }
            }
        }
        let order = self
            .order
            .clone()
            .unwrap_or_else(|| (0..seen.len()).collect());
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted != (0..seen.len()).collect::<Vec<_>>() {
            return Err(format!(
                "tensor {} {whole:?} cannot have its dimensions in the order {order:?}",
                self.tensor
            ));
        }
        let shaped: Vec<usize> = order.iter().map(|&dimension| seen[dimension]).collect();
        let in_place = seen == whole && order.is_sorted();
        let values = match in_place {
            true => values,
            false => gather(&values, &whole, &first, &order, &shaped).into(),
        };
        let shape = self.shape.clone().unwrap_or(shaped);
        if product(&shape) != Some(values.len()) {
            return Err(format!(
                "the excerpt of tensor {} has {} values, its shape {shape:?} asks for another number",
                self.tensor,
                values.len()
            ));
        }
        Ok((shape, values))
    }
}

fn product(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
}

/// Values of a row-major tensor of shape `whole`, from `first` on, dimensions in another order, `shaped` in the end.
fn gather(
    values: &[f32],
    whole: &[usize],
    first: &[usize],
    order: &[usize],
    shaped: &[usize],
) -> Vec<f32> {
    let mut strides = vec![1; whole.len()];
    for dimension in (1..whole.len()).rev() {
        strides[dimension - 1] = strides[dimension] * whole[dimension];
    }
    let start: usize = first.iter().zip(&strides).map(|(a, b)| a * b).sum();
    let steps: Vec<usize> = order.iter().map(|&dimension| strides[dimension]).collect();
    let n = shaped.iter().product();
    let mut gathered = Vec::with_capacity(n);
    let (inner, inner_step) = match (shaped.last(), steps.last()) {
        (Some(&size), Some(&step)) => (size, step),
        _ => (1, 1),
    };
    let mut place = vec![0; shaped.len().saturating_sub(1)];
    while gathered.len() < n {
        let offset: usize = place.iter().zip(&steps).map(|(a, b)| a * b).sum();
        let row = (0..inner).map(|i| values[start + offset + i * inner_step]);
        gathered.extend(row);
        for dimension in (0..place.len()).rev() {
            place[dimension] += 1;
            if place[dimension] < shaped[dimension] {
                break;
            }
            place[dimension] = 0;
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn counted(n: usize) -> Cow<'static, [f32]> {
        Cow::Owned((0..n).map(|i| i as f32).collect())
    }

    #[test]
    fn an_excerpt_reads_cuts_reorders_and_shapes() {
        let check = |excerpt: TensorSlice, shape: &[usize], expected: (&[usize], &[f32])| {
            let (found, values) = excerpt.of(shape, counted(shape.iter().product())).unwrap();
            assert_eq!((&*found, &*values), expected, "{excerpt:?}");
        };
        check(
            TensorSlice::whole("a"),
            &[2, 2],
            (&[2, 2], &[0., 1., 2., 3.]),
        );
        check(
            TensorSlice::reordered("a", &[1, 0]),
            &[2, 3],
            (&[3, 2], &[0., 3., 1., 4., 2., 5.]),
        );
        check(
            TensorSlice::reordered("a", &[1, 0]).cut(1, 1, 3),
            &[2, 3],
            (&[2, 2], &[1., 4., 2., 5.]),
        );
        // A dense kernel [rows x columns x channels, units] behind a channels-last flatten, 1 x 2 x 2 and 1 unit.
        check(
            TensorSlice::reordered("a", &[3, 2, 0, 1])
                .read_as(&[1, 2, 2, 1])
                .shaped(&[1, 4]),
            &[4, 1],
            (&[1, 4], &[0., 2., 1., 3.]),
        );
        check(TensorSlice::whole("a"), &[], (&[], &[0.]));
        check(
            TensorSlice::reordered("a", &[1, 0]),
            &[0, 3],
            (&[3, 0], &[]),
        );
    }

    #[test]
    fn what_does_not_fit_is_told_with_both_numbers() {
        let check = |excerpt: TensorSlice, expected: &str| {
            let text = excerpt.of(&[2, 3], counted(6)).unwrap_err();
            assert!(text.contains(expected), "{text}");
        };
        check(
            TensorSlice::whole("a").read_as(&[7]),
            "a [2, 3] cannot be read as [7]",
        );
        check(
            TensorSlice::whole("a").cut(1, 2, 4),
            "no 2..4 in dimension 1",
        );
        check(
            TensorSlice::whole("a").cut(1, 3, 2),
            "no 3..2 in dimension 1",
        );
        check(
            TensorSlice::whole("a").cut(2, 0, 1),
            "no 0..1 in dimension 2",
        );
        check(TensorSlice::reordered("a", &[0, 0]), "order [0, 0]");
        check(TensorSlice::whole("a").shaped(&[4]), "6 values");
    }
}
