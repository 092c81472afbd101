//! Limits on the size of a network. They are checked before any memory is allocated.

use crate::{Links, NetworkError, Shape};

/// Maximum number of neurons over all layers, and of values of one input over all layers: 2^23.
/// That is 64 MiB for one f64 column, of which measuring keeps about twenty.
pub const MAX_NEURONS: u64 = 1 << 23;

/// Maximum number of parameters: 2^40, four terabytes of f32.
pub const MAX_PARAMETERS: u64 = 1 << 40;

/// Maximum number of links, those of padding included: 2^50, so that counts are exact in f64.
pub const MAX_LINKS: u64 = 1 << 50;

/// Maximum number of rows, and of columns, of a kernel or window.
pub const MAX_KERNEL: usize = 1 << 16;

/// Maximum number of recurrent layers in one entry of an architecture: 2^10. A few bytes of a file
/// state that number, so the size of the file does not bound it.
pub const MAX_STACKED: usize = 1 << 10;

/// Counts so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    neurons: u64,
    values: u64,
    parameters: u64,
    links: u64,
}

impl Counts {
    /// Counts the neurons of a layer, and the values that one input has in it.
    pub(super) fn neurons(&mut self, layer: &str, shape: Shape) -> Result<(), NetworkError> {
        let sizes = [shape.channels(), shape.rows(), shape.columns()];
        self.neurons = add_product(self.neurons, &sizes, MAX_NEURONS)
            .ok_or_else(|| too_large(layer, "neurons", MAX_NEURONS))?;
        let steps = [&sizes[..], &[shape.steps()]].concat();
        // An input of tokens has one value per step, however large the vocabulary.
        let values = match shape {
            Shape::Tokens { .. } => &steps[3..],
            _ => &steps[..],
        };
        self.values = add_product(self.values, values, MAX_NEURONS)
            .ok_or_else(|| too_large(layer, "values of one input", MAX_NEURONS))?;
        Ok(())
    }

    /// Counts the values of a tensor.
    pub(super) fn parameters(&mut self, layer: &str, shape: &[usize]) -> Result<(), NetworkError> {
        self.parameters = add_product(self.parameters, shape, MAX_PARAMETERS)
            .ok_or_else(|| too_large(layer, "parameters", MAX_PARAMETERS))?;
        Ok(())
    }

    /// Counts links: also those of taps that see padding, and biases whether there are any or not.
    pub(super) fn links(&mut self, layer: &str, links: &Links) -> Result<(), NetworkError> {
        let factors = factors(links);
        let total = add_product(self.links, &factors, MAX_LINKS);
        self.links = total
            .and_then(|total| add_product(total, &factors[..factors.len() - 1], MAX_LINKS))
            .ok_or_else(|| too_large(layer, "links", MAX_LINKS))?;
        Ok(())
    }
}

/// The sizes whose product is the number of links. The product without the last one is at least the
/// number of biases, except in transposed convolutions: there it may be less, and [`MAX_NEURONS`]
/// keeps the biases few.
fn factors(links: &Links) -> Vec<usize> {
    match *links {
        Links::Dense { n_in, n_out } => vec![n_out, n_in],
        Links::Conv2d {
            channels,
            filters,
            groups,
            window,
        } => vec![filters, window.outputs(), channels / groups, window.taps()],
        Links::ConvTranspose2d {
            channels,
            filters,
            groups,
            window,
        } => vec![filters / groups, window.outputs(), channels, window.taps()],
        Links::MaxPool2d { channels, window }
        | Links::AveragePool2d {
            channels, window, ..
        } => {
            vec![channels, window.outputs(), window.taps()]
        }
        Links::AdaptivePool {
            channels,
            input: [rows, columns],
            output: [r, c],
            ..
        } => {
            // Along an axis, a window has at most `ceil(input / output) + 1` inputs: at most
            // `input / output + 2` rounded down.
            vec![channels, r, c, rows / r + 2, columns / c + 2]
        }
        Links::Diagonal {
            channels,
            positions,
        } => vec![channels, positions, 1],
        Links::Embedding { tokens, units } => vec![units, tokens],
        Links::Identity { n } => vec![n, 1],
        Links::Beside {
            channels,
            positions,
        } => vec![channels, positions, 1],
        Links::Constants { n, units } => vec![units, n],
    }
}

pub(super) fn too_large(layer: &str, what: &'static str, limit: u64) -> NetworkError {
    NetworkError::TooLarge {
        layer: layer.to_owned(),
        what,
        limit,
    }
}

/// `sum` plus the product of `sizes`, if that is at most `limit`.
fn add_product(sum: u64, sizes: &[usize], limit: u64) -> Option<u64> {
    let product = sizes
        .iter()
        .try_fold(1_u64, |product, &size| product.checked_mul(size as u64))?;
    sum.checked_add(product).filter(|&total| total <= limit)
}
