//! Reverse-mode automatic differentiation of a chain of layers.
//!
//! The layers of a network follow one another without branches, so its tape is a list: the forward
//! pass records each layer, the backward pass goes through the list from its end. No gradient is
//! ever the sum of two paths.

use std::rc::Rc;

/// One kernel with its biases.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weights {
    /// Row-major, in the shape that its operation documents.
    pub(crate) kernel: Vec<f32>,
    pub(crate) biases: Vec<f32>,
}

/// Gradients of the loss with respect to one kernel and its biases. Backward passes add to them,
/// the optimiser's step clears them.
#[derive(Clone, Debug)]
pub(crate) struct WeightGradients {
    pub(crate) kernel: Vec<f32>,
    pub(crate) biases: Vec<f32>,
}

impl WeightGradients {
    /// Zero gradients in the sizes of `weights`.
    pub(crate) fn zeros(weights: &Weights) -> Self {
        Self {
            kernel: vec![0.0; weights.kernel.len()],
            biases: vec![0.0; weights.biases.len()],
        }
    }
}

/// A layer's function of a batch and of its weights, `z = f(x, weights)`, and its derivatives.
pub(crate) trait Operation {
    /// What the forward pass keeps for the backward pass, besides `x` and `z`.
    type Saved;

    /// `z` of the batch `x`.
    fn forward(&self, weights: &[Weights], x: &[f32]) -> (Vec<f32>, Self::Saved);

    /// Adds the gradients of the weights to `gradients`, which has one entry for each of `weights`.
    /// Returns the gradient of `x`; an empty vector if [`BackwardPass::needs_x_gradient`] is false.
    fn backward(
        &self,
        weights: &[Weights],
        pass: BackwardPass<'_, Self::Saved>,
        gradients: &mut [WeightGradients],
    ) -> Vec<f32>;
}

/// What the backward pass of one operation starts from.
pub(crate) struct BackwardPass<'a, Saved> {
    /// What went into the forward pass.
    pub(crate) x: &'a [f32],
    /// What came out of it.
    pub(crate) z: &'a [f32],
    /// What it kept besides.
    pub(crate) saved: Saved,
    /// Gradient of the loss with respect to `z`.
    pub(crate) z_gradient: Vec<f32>,
    /// Whether the gradient of `x` is needed: only if a layer before this one has weights. For the
    /// first layer with weights `x` are the images; computing their gradient would be the most
    /// expensive product of a dense network, without any use.
    pub(crate) needs_x_gradient: bool,
}

/// The backward pass of one recorded layer. Arguments: the gradient of `z`; the weight gradients,
/// to which it adds; whether the gradient of `x` is needed. Returns the gradient of `x`, empty if
/// it is not needed.
type Backward<'a> = Box<dyn FnOnce(Vec<f32>, &mut [WeightGradients], bool) -> Vec<f32> + 'a>;

/// An [`Operation`] with its type of `Saved` hidden, so that one tape holds operations of all
/// types.
pub(crate) trait Record {
    /// The forward pass of `x`: its result, and the backward pass to be called later.
    fn record<'a>(
        &'a self,
        weights: &'a [Weights],
        x: Rc<Vec<f32>>,
    ) -> (Rc<Vec<f32>>, Backward<'a>);

    /// The forward pass of `x`, with nothing recorded.
    fn evaluate(&self, weights: &[Weights], x: &[f32]) -> Vec<f32>;
}

impl<O: Operation> Record for O
where
    O::Saved: 'static,
{
    fn record<'a>(
        &'a self,
        weights: &'a [Weights],
        x: Rc<Vec<f32>>,
    ) -> (Rc<Vec<f32>>, Backward<'a>) {
        let (z, saved) = self.forward(weights, &x);
        let z = Rc::new(z);
        let result = z.clone();
        let backward: Backward<'a> = Box::new(move |z_gradient, gradients, needs_x_gradient| {
            let pass = BackwardPass {
                x: &x,
                z: &z,
                saved,
                z_gradient,
                needs_x_gradient,
            };
            self.backward(weights, pass, gradients)
        });
        (result, backward)
    }

    fn evaluate(&self, weights: &[Weights], x: &[f32]) -> Vec<f32> {
        self.forward(weights, x).0
    }
}

/// A forward pass through a chain of layers, recorded for the backward pass.
pub(crate) struct Tape<'a> {
    /// The result of the last layer, or the input.
    values: Rc<Vec<f32>>,
    /// From the input on.
    layers: Vec<Backward<'a>>,
    /// Index of the first layer with weights. As long as none has been recorded: the number of
    /// layers recorded so far.
    first_with_weights: usize,
}

impl<Saved> BackwardPass<'_, Saved> {
    /// Zeros for the gradient of `x`; an empty vector if it is not needed.
    pub(crate) fn zero_x_gradient(&self) -> Vec<f32> {
        let n_values = if self.needs_x_gradient {
            self.x.len()
        } else {
            0
        };
        vec![0.0; n_values]
    }
}

impl<'a> Tape<'a> {
    /// A tape that has recorded nothing yet.
    pub(crate) fn new(input: Vec<f32>) -> Self {
        Self {
            values: Rc::new(input),
            layers: Vec::new(),
            first_with_weights: 0,
        }
    }

    /// Passes the values through the next layer, and records it.
    pub(crate) fn apply(&mut self, operation: &'a dyn Record, weights: &'a [Weights]) {
        let (z, backward) = operation.record(weights, self.values.clone());
        if self.first_with_weights == self.layers.len() && weights.is_empty() {
            self.first_with_weights += 1;
        }
        self.layers.push(backward);
        self.values = z;
    }

    /// Multiplies the result of the last layer by `factors`, constants of the same number.
    pub(crate) fn scale(&mut self, factors: Vec<f32>) {
        let values = self.values.iter().zip(&factors);
        self.values = Rc::new(values.map(|(value, factor)| value * factor).collect());
        let Some(backward) = self.layers.pop() else {
            return;
        };
        self.layers.push(Box::new(
            move |mut z_gradient, gradients, needs_x_gradient| {
                let pairs = z_gradient.iter_mut().zip(factors);
                pairs.for_each(|(gradient, factor)| *gradient *= factor);
                backward(z_gradient, gradients, needs_x_gradient)
            },
        ));
    }

    /// The result of the last layer, or the input.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Goes back through all layers, from the gradient of the loss with respect to
    /// [`Tape::values`]. Adds to `gradients`, which has an entry for each layer.
    pub(crate) fn backward(self, gradient: Vec<f32>, gradients: &mut [Vec<WeightGradients>]) {
        // What is before the first layer with weights depends on no weights.
        let first = self.first_with_weights;
        let layers = self.layers.into_iter().zip(gradients).enumerate();
        let last_to_first = layers.skip(first).rev();
        last_to_first.fold(gradient, |gradient, (index, (backward, gradients))| {
            backward(gradient, gradients, index > first)
        });
    }
}
