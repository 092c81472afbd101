//! Scale and shift of a norm.

use std::borrow::Cow;

/// A norm and the indices of its tensors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Norm {
    pub(crate) over: NormOver,
    /// Channels, each with a scale and a shift of its own.
    pub(crate) channels: usize,
    /// Values of each channel.
    pub(crate) positions: usize,
    pub(crate) epsilon: f64,
    /// Indices of gamma and beta among the tensors.
    pub(crate) affine: [Option<usize>; 2],
}

/// Over which values a norm takes mean and variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NormOver {
    /// Over the training data: the indices of the running mean and variance among the tensors.
    Training([usize; 2]),
    /// Over the values of each of this many groups of channels, for every input or step.
    Groups(usize),
}

impl Norm {
    /// Scale and shift of every channel at inference. Those of a layer or group norm apply to
    /// values that are normalised already.
    pub(crate) fn scale_and_shift(&self, tensors: &[Cow<'_, [f32]>]) -> [Vec<f64>; 2] {
        let values = |tensor: usize| tensors[tensor].iter().map(|&x| f64::from(x));
        let values_or = |tensor: Option<usize>, default: f64| match tensor {
            Some(tensor) => values(tensor).collect(),
            None => vec![default; self.channels],
        };
        let [gamma, beta] = self.affine;
        let (mut scale, mut shift): (Vec<f64>, Vec<f64>) =
            (values_or(gamma, 1.0), values_or(beta, 0.0));
        if let NormOver::Training([mean, variance]) = self.over {
            let channels = scale.iter_mut().zip(&mut shift);
            for ((scale, shift), (mean, variance)) in
                channels.zip(values(mean).zip(values(variance)))
            {
                *scale /= (variance + self.epsilon).sqrt();
                *shift -= mean * *scale;
            }
        }
        [scale, shift]
    }

    /// Whether there is a shift, be it from beta or from a running mean.
    pub(crate) fn has_shift(&self) -> bool {
        self.affine[1].is_some() || matches!(self.over, NormOver::Training(_))
    }
}
