//! The layers of a drawn architecture, output layer included.

use cntflow_network::{
    Activation, Conv2d, ConvTranspose2d, Dense, Layer, Padding2d, Pool2d, Recurrent, Steps,
    StepsOf, TakeStep, TakenStep,
};

use crate::population::architecture_spec::{
    ArchitectureSpec, AutoencoderSpec, ConvolutionSpec, PoolKind, PoolSpec, PoolWindow,
    RecurrentSpec, Size, WholeImage,
};
use crate::population::chooser::Chooser;
use crate::train::{Geometry, LayerType};

/// What the layers of a network depend on besides their [`ArchitectureSpec`].
pub(super) struct LayerDraw {
    /// Channels, rows and columns of an image.
    pub(super) image: [usize; 3],
    pub(super) n_classes: usize,
    /// Activation of the hidden layers.
    pub(super) activation: Activation,
}

impl LayerDraw {
    /// All layers, with the open choices of `spec` made by `chooser`. The layer at an index has the
    /// name `layers.<index>`, as PyTorch's `Sequential` would name it.
    pub(super) fn draw(&self, chooser: &mut impl Chooser, spec: &ArchitectureSpec) -> Vec<Layer> {
        if let Some(autoencoder) = &spec.autoencoder {
            return self.autoencoder(chooser, autoencoder);
        }
        if let Some(encoder) = &spec.convolutional_autoencoder {
            return self.convolutional_autoencoder(chooser, encoder);
        }
        let mut layers = match spec.recurrent() {
            Some(recurrent) => self.recurrent(chooser, recurrent, spec.layer_type()),
            None => self.convolutions(chooser, &spec.convolutional),
        };
        for units in &spec.dense {
            layers.push(dense(
                chooser.whole_number(units),
                self.activation,
                layers.len(),
            ));
        }
        layers.push(dense(self.n_classes, Activation::Softmax, layers.len()));
        layers
    }

    fn convolutions(&self, chooser: &mut impl Chooser, specs: &[ConvolutionSpec]) -> Vec<Layer> {
        let mut layers = Vec::new();
        let mut image = self.image;
        for spec in specs {
            let layer = convolution(chooser, spec, self.activation, layers.len());
            image = result_of(&layer, image);
            layers.push(Layer::Conv2d(layer));
            if let Some(spec) = &spec.pool {
                let pool = pooling(spec, image);
                let geometry = Geometry::of_pool(&pool, image);
                if let Some(geometry) = geometry {
                    image[1..].copy_from_slice(&geometry.result);
                }
                layers.push(match spec.kind {
                    PoolKind::Max => Layer::MaxPool2d(pool),
                    PoolKind::Average => Layer::AveragePool2d(pool),
                });
            }
        }
        layers.push(Layer::Flatten);
        layers
    }

    /// Rows as steps, the recurrent layers, and their state after the last row.
    fn recurrent(
        &self,
        chooser: &mut impl Chooser,
        spec: &RecurrentSpec,
        layer_type: LayerType,
    ) -> Vec<Layer> {
        let layer = Recurrent {
            name: "layers.1".to_owned(),
            units: chooser.whole_number(&spec.units),
            layers: chooser.whole_number(&spec.layers),
            bidirectional: false,
            bias: true,
            activation: (layer_type == LayerType::Elman).then_some(self.activation),
        };
        let recurrent = match layer_type {
            LayerType::Lstm => Layer::Lstm(layer),
            LayerType::Gru => Layer::Gru(layer),
            _ => Layer::Elman(layer),
        };
        let last = TakeStep {
            which: TakenStep::Last,
        };
        vec![
            Layer::Steps(Steps { of: StepsOf::Rows }),
            recurrent,
            Layer::TakeStep(last),
        ]
    }

    /// Dense layers to the code and back. Pixels are in `[0, 1]`: hence the sigmoid of the last
    /// one.
    fn autoencoder(&self, chooser: &mut impl Chooser, spec: &AutoencoderSpec) -> Vec<Layer> {
        let hidden = spec.hidden.iter();
        let hidden: Vec<usize> = hidden.map(|units| chooser.whole_number(units)).collect();
        let code = chooser.whole_number(&spec.code);
        let encoder = hidden.iter().copied().chain([code]);
        let decoder = hidden.iter().rev().copied();
        let mut layers = vec![Layer::Flatten];
        for units in encoder.chain(decoder) {
            layers.push(dense(units, self.activation, layers.len()));
        }
        let n_pixels = self.image.iter().product();
        layers.push(dense(n_pixels, Activation::Sigmoid, layers.len()));
        layers
    }

    /// Convolutions, and as many transposed ones, each of which goes back to the image size that
    /// its convolution started from.
    fn convolutional_autoencoder(
        &self,
        chooser: &mut impl Chooser,
        specs: &[ConvolutionSpec],
    ) -> Vec<Layer> {
        let specs = specs.iter().enumerate();
        let encoder: Vec<Conv2d> = specs
            .map(|(index, spec)| convolution(chooser, spec, self.activation, index))
            .collect();
        let mut decoder = self.decoder_of(&encoder);
        for (index, layer) in decoder.iter_mut().enumerate() {
            layer.name = format!("layers.{}", encoder.len() + index);
            layer.activation = Some(self.activation);
        }
        if let Some(last) = decoder.last_mut() {
            last.activation = Some(Activation::Sigmoid);
        }
        let encoder = encoder.into_iter().map(Layer::Conv2d);
        let decoder = decoder.into_iter().map(Layer::ConvTranspose2d);
        encoder.chain(decoder).collect()
    }

    /// The transposed convolutions from the results of `encoder` back to the image, that of the
    /// last convolution first.
    fn decoder_of(&self, encoder: &[Conv2d]) -> Vec<ConvTranspose2d> {
        let mut image = self.image;
        let mut decoder = Vec::new();
        for layer in encoder {
            decoder.push(transpose_of(layer, image));
            image = result_of(layer, image);
        }
        decoder.reverse();
        decoder
    }
}

/// The shape of the results of `layer` for `image`; `image` itself where the kernel does not fit,
/// which is reported when the run is planned.
fn result_of(layer: &Conv2d, image: [usize; 3]) -> [usize; 3] {
    let geometry = Geometry::of_convolution(layer, image);
    geometry.map_or(image, |geometry| {
        [layer.filters, geometry.result[0], geometry.result[1]]
    })
}

/// The transposed convolution from the results of `layer` back to its images. A stride may leave
/// rows and columns at the end of an image unread; output padding adds them again.
fn transpose_of(layer: &Conv2d, [channels, rows, columns]: [usize; 3]) -> ConvTranspose2d {
    let unread = |axis: usize, size: usize| {
        let padding = layer.padding.axes()[axis];
        let padded_size = size + padding.before + padding.after;
        padded_size.saturating_sub(layer.kernel[axis]) % layer.stride[axis]
    };
    ConvTranspose2d {
        name: String::new(),
        filters: channels,
        kernel: layer.kernel,
        stride: layer.stride,
        padding: layer.padding,
        output_padding: [unread(0, rows), unread(1, columns)],
        dilation: [1, 1],
        groups: 1,
        bias: true,
        activation: None,
    }
}

fn dense(units: usize, activation: Activation, index: usize) -> Layer {
    Layer::Dense(Dense {
        name: format!("layers.{index}"),
        units,
        bias: true,
        activation: Some(activation),
    })
}

fn convolution(
    chooser: &mut impl Chooser,
    spec: &ConvolutionSpec,
    activation: Activation,
    index: usize,
) -> Conv2d {
    Conv2d {
        name: format!("layers.{index}"),
        filters: chooser.whole_number(&spec.filters),
        kernel: spec.kernel.pair(),
        stride: spec.stride.pair(),
        padding: spec.padding.pair().into(),
        dilation: [1, 1],
        groups: 1,
        bias: true,
        activation: Some(activation),
    }
}

/// The pooling of images `[channels, rows, columns]`.
fn pooling(spec: &PoolSpec, [_, rows, columns]: [usize; 3]) -> Pool2d {
    Pool2d {
        name: String::new(),
        window: match spec.window {
            PoolWindow::Size(window) => window.pair(),
            PoolWindow::Whole(WholeImage::All) => [rows, columns],
        },
        stride: spec.stride.map(Size::pair),
        padding: Padding2d::default(),
        count_padding: true,
        ceil_mode: false,
    }
}
