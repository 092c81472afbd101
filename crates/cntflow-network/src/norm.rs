//! Scale and shift of a normalisation.

use std::borrow::Cow;

/// A normalisation and where its tensors are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Norm {
    pub(crate) over: NormOver,
    /// Channels, each with a scale and a shift of its own.
    pub(crate) channels: usize,
    /// Values of each channel.
    pub(crate) places: usize,
    pub(crate) epsilon: f64,
    /// Places of gamma and of beta among the tensors.
    pub(crate) affine: [Option<usize>; 2],
}

/// What a normalisation takes mean and variance over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NormOver {
    /// Over what was seen in training: places of the running mean and variance among the tensors.
    Training([usize; 2]),
    /// Over the values of each of so many groups of channels, of every input or step.
    Groups(usize),
}

impl Norm {
    /// Scale and shift of every channel, as they are at inference; those of a layer or group norm apply to normalised values.
    pub(crate) fn scale_and_shift(&self, tensors: &[Cow<'_, [f32]>]) -> [Vec<f64>; 2] {
        let values = |tensor: usize| tensors[tensor].iter().map(|&x| f64::from(x));
        let of_channels = |tensor: Option<usize>, default: f64| match tensor {
            Some(tensor) => values(tensor).collect(),
            None => vec![default; self.channels],
        };
        let [gamma, beta] = self.affine;
        let (mut scale, mut shift): (Vec<f64>, Vec<f64>) =
            (of_channels(gamma, 1.0), of_channels(beta, 0.0));
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

    /// Whether there is a shift to speak of.
    pub(crate) fn shifts(&self) -> bool {
        self.affine[1].is_some() || matches!(self.over, NormOver::Training(_))
    }
}
