//! The layers of a drawn architecture, output layer included.

use cntflow_network::{
    Activation, Conv2d, ConvTranspose2d, Dense, Layer, Padding2d, Pool2d, Recurrent, Steps,
    StepsOf, TakeStep, TakenStep,
};

use crate::population::architecture_spec::{
    ArchitectureSpec, AutoencoderSpec, ConvolutionSpec, PoolKind, PoolSpec, RecurrentSpec, Size,
};
use crate::population::chooser::Choose;
use crate::train::ops::patches::Geometry;
use crate::train::run_spec::LayerType;

/// What the layers of a network depend on beside its [`ArchitectureSpec`].
pub(crate) struct LayersOf {
    /// Channels, rows and columns of an image.
    pub(crate) image: [usize; 3],
    pub(crate) n_classes: usize,
    /// Activation of the hidden layers.
    pub(crate) activation: Activation,
}

impl LayersOf {
    /// The layers, with what `spec` leaves open chosen by `choose`. Modules are named `layers.<place>`.
    pub(crate) fn draw(&self, choose: &mut impl Choose, spec: &ArchitectureSpec) -> Vec<Layer> {
        if let Some(autoencoder) = &spec.autoencoder {
            return self.autoencoder(choose, autoencoder);
        }
        if let Some(encoder) = &spec.convolutional_autoencoder {
            return self.convolutional_autoencoder(choose, encoder);
        }
        let mut layers = match spec.recurrent() {
            Some(recurrent) => self.recurrent(choose, recurrent, spec.layer_type()),
            None => self.convolutions(choose, &spec.convolutional),
        };
        for units in &spec.dense {
            layers.push(dense(choose.count(units), self.activation, layers.len()));
        }
        layers.push(dense(self.n_classes, Activation::Softmax, layers.len()));
        layers
    }

    fn convolutions(&self, choose: &mut impl Choose, specs: &[ConvolutionSpec]) -> Vec<Layer> {
        let mut layers = Vec::new();
        for spec in specs {
            let layer = convolution(choose, spec, self.activation, layers.len());
            layers.push(Layer::Conv2d(layer));
            layers.extend(spec.pool.as_ref().map(pooling));
        }
        layers.push(Layer::Flatten);
        layers
    }

    /// Rows as steps, the recurrent layers, and their state after the last row.
    fn recurrent(
        &self,
        choose: &mut impl Choose,
        spec: &RecurrentSpec,
        kind: LayerType,
    ) -> Vec<Layer> {
        let layer = Recurrent {
            name: "layers.1".to_owned(),
            units: choose.count(&spec.units),
            layers: choose.count(&spec.layers),
            bidirectional: false,
            bias: true,
            activation: (kind == LayerType::Elman).then_some(self.activation),
        };
        let recurrent = match kind {
            LayerType::Lstm => Layer::Lstm(layer),
            LayerType::Gru => Layer::Gru(layer),
            _ => Layer::Elman(layer),
        };
        let (of, which) = (StepsOf::Rows, TakenStep::Last);
        vec![
            Layer::Steps(Steps { of }),
            recurrent,
            Layer::TakeStep(TakeStep { which }),
        ]
    }

    /// Dense layers to the code and back to the pixels, which are in `[0, 1]`: hence the sigmoid.
    fn autoencoder(&self, choose: &mut impl Choose, spec: &AutoencoderSpec) -> Vec<Layer> {
        let hidden: Vec<usize> = spec
            .hidden
            .iter()
            .map(|units| choose.count(units))
            .collect();
        let code = choose.count(&spec.code);
        let inner = hidden.iter().copied().chain([code]);
        let mut layers = vec![Layer::Flatten];
        for units in inner.chain(hidden.iter().rev().copied()) {
            layers.push(dense(units, self.activation, layers.len()));
        }
        let n_pixels = self.image.iter().product();
        layers.push(dense(n_pixels, Activation::Sigmoid, layers.len()));
        layers
    }

    /// Convolutions, and as many transposed ones, each with the geometry of the convolution it undoes.
    fn convolutional_autoencoder(
        &self,
        choose: &mut impl Choose,
        specs: &[ConvolutionSpec],
    ) -> Vec<Layer> {
        let encoder = specs.iter().enumerate();
        let encoder: Vec<Conv2d> = encoder
            .map(|(place, spec)| convolution(choose, spec, self.activation, place))
            .collect();
        let mut decoder = Vec::new();
        let mut image = self.image;
        for layer in &encoder {
            decoder.push(undoing(layer, image));
            // A kernel that does not fit is told of the layer itself.
            if let Some(geometry) = Geometry::of_convolution(layer, image) {
                image = [layer.filters, geometry.result[0], geometry.result[1]];
            }
        }
        decoder.reverse();
        for (place, layer) in decoder.iter_mut().enumerate() {
            layer.name = format!("layers.{}", encoder.len() + place);
            layer.activation = Some(self.activation);
        }
        if let Some(last) = decoder.last_mut() {
            last.activation = Some(Activation::Sigmoid);
        }
        let encoder = encoder.into_iter().map(Layer::Conv2d);
        let decoder = decoder.into_iter().map(Layer::ConvTranspose2d);
        encoder.chain(decoder).collect()
    }
}

/// The transposed convolution that gives images of the size `layer` takes; where stride leaves places at their end
/// out, it adds them again.
fn undoing(layer: &Conv2d, [channels, rows, columns]: [usize; 3]) -> ConvTranspose2d {
    let left_out = |axis: usize, size: usize| {
        let padding = layer.padding.axes()[axis];
        let padded = size + padding.before + padding.after;
        let room = padded.saturating_sub(layer.kernel[axis]);
        room % layer.stride[axis]
    };
    ConvTranspose2d {
        name: String::new(),
        filters: channels,
        kernel: layer.kernel,
        stride: layer.stride,
        padding: layer.padding,
        output_padding: [left_out(0, rows), left_out(1, columns)],
        dilation: [1, 1],
        groups: 1,
        bias: true,
        activation: None,
    }
}

fn dense(units: usize, activation: Activation, place: usize) -> Layer {
    Layer::Dense(Dense {
        name: format!("layers.{place}"),
        units,
        bias: true,
        activation: Some(activation),
    })
}

fn convolution(
    choose: &mut impl Choose,
    spec: &ConvolutionSpec,
    activation: Activation,
    place: usize,
) -> Conv2d {
    Conv2d {
        name: format!("layers.{place}"),
        filters: choose.count(&spec.filters),
        kernel: spec.kernel.pair(),
        stride: spec.stride.pair(),
        padding: spec.padding.pair().into(),
        dilation: [1, 1],
        groups: 1,
        bias: true,
        activation: Some(activation),
    }
}

fn pooling(spec: &PoolSpec) -> Layer {
    let stride = spec.stride.map(Size::pair);
    let pool = Pool2d {
        name: String::new(),
        window: spec.window.pair(),
        stride,
        padding: Padding2d::default(),
        count_padding: true,
        ceil_mode: false,
    };
    match spec.kind {
        PoolKind::Max => Layer::MaxPool2d(pool),
        PoolKind::Average => Layer::AveragePool2d(pool),
    }
}
