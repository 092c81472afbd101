//! The layers that PyTorch's modules become.

use cntflow_network::{
    Activate, Activation, AdaptivePool1d, AdaptivePool2d, BatchNorm, Conv1d, Conv2d,
    ConvTranspose1d, ConvTranspose2d, DEFAULT_LEAKY_SLOPE, Dense, Layer, Pool1d, Pool2d,
};

use super::attributes::Module;
use crate::error::{Translated, unsupported};

/// The settings that all convolutions have, for `N` dimensions.
struct Convolution<const N: usize> {
    name: String,
    filters: usize,
    kernel: [usize; N],
    stride: [usize; N],
    padding: [usize; N],
    dilation: [usize; N],
    groups: usize,
    bias: bool,
}

/// The window of a pooling, for `N` dimensions.
struct Window<const N: usize> {
    size: [usize; N],
    stride: [usize; N],
    padding: [usize; N],
}

impl Module<'_> {
    /// The layer that a module is; `None` for modules that do nothing when a network is evaluated.
    pub(super) fn layer(&self) -> Translated<Option<Layer>> {
        let layer = match self.class {
            "Dropout" | "Dropout1d" | "Dropout2d" | "AlphaDropout" | "Identity" => return Ok(None),
            "Linear" => Layer::Dense(Dense {
                name: self.path.clone(),
                units: self.required_size("out_features")?,
                bias: self.has_bias(),
                activation: Some(Activation::Linear),
            }),
            "Conv1d" => self.conv1d()?,
            "Conv2d" => self.conv2d()?,
            "ConvTranspose1d" => self.conv_transpose1d()?,
            "ConvTranspose2d" => self.conv_transpose2d()?,
            "BatchNorm1d" | "BatchNorm2d" => Layer::BatchNorm(BatchNorm {
                name: self.path.clone(),
                epsilon: self.real("eps").ok_or_else(|| self.missing("eps"))?,
                affine: self.flag("affine"),
                activation: None,
            }),
            "MaxPool1d" => Layer::MaxPool1d(self.pool1d()?),
            "MaxPool2d" => Layer::MaxPool2d(self.pool2d()?),
            "AvgPool1d" => Layer::AveragePool1d(self.pool1d()?),
            "AvgPool2d" => Layer::AveragePool2d(self.pool2d()?),
            "AdaptiveAvgPool1d" => Layer::AdaptiveAveragePool1d(self.adaptive_pool1d()?),
            "AdaptiveAvgPool2d" => Layer::AdaptiveAveragePool2d(self.adaptive_pool2d()?),
            "AdaptiveMaxPool1d" => Layer::AdaptiveMaxPool1d(self.adaptive_pool1d()?),
            "AdaptiveMaxPool2d" => Layer::AdaptiveMaxPool2d(self.adaptive_pool2d()?),
            "Flatten" => Layer::Flatten,
            _ => Layer::Activation(Activate {
                name: String::new(),
                activation: self
                    .activation()
                    .ok_or_else(|| self.unsupported_settings())?,
            }),
        };
        Ok(Some(layer))
    }

    /// The activation that a module is, if its parameters have the values that are fixed in
    /// architectures.
    fn activation(&self) -> Option<Activation> {
        Some(match self.class {
            "ReLU" => Activation::Relu,
            "ReLU6" => Activation::Relu6,
            "LeakyReLU" if self.real("negative_slope") == Some(DEFAULT_LEAKY_SLOPE) => {
                Activation::LeakyRelu
            }
            "ELU" if self.real("alpha") == Some(1.0) => Activation::Elu,
            "SELU" => Activation::Selu,
            "GELU" if self.text("approximate") == Some("tanh") => Activation::GeluTanh,
            "GELU" => Activation::Gelu,
            "SiLU" => Activation::Silu,
            "Sigmoid" => Activation::Sigmoid,
            "Tanh" => Activation::Tanh,
            "Softplus" => Activation::Softplus,
            "Hardswish" => Activation::Hardswish,
            "Softmax" => Activation::Softmax,
            _ => return None,
        })
    }

    fn convolution<const N: usize>(&self) -> Translated<Convolution<N>> {
        if self
            .text("padding_mode")
            .is_some_and(|mode| mode != "zeros")
        {
            let reason = "it pads with other values than zeros";
            return Err(unsupported(reason).at_layer(|| self.shown()));
        }
        Ok(Convolution {
            kernel: self.sizes("kernel_size")?,
            stride: self.sizes("stride")?,
            padding: self.sizes("padding")?,
            dilation: self.sizes("dilation")?,
            name: self.path.clone(),
            filters: self.required_size("out_channels")?,
            groups: self.required_size("groups")?,
            bias: self.has_bias(),
        })
    }

    fn conv1d(&self) -> Translated<Layer> {
        let settings = self.convolution::<1>()?;
        Ok(Layer::Conv1d(Conv1d {
            name: settings.name,
            filters: settings.filters,
            kernel: settings.kernel[0],
            stride: settings.stride[0],
            padding: settings.padding[0].into(),
            dilation: settings.dilation[0],
            groups: settings.groups,
            bias: settings.bias,
            activation: Some(Activation::Linear),
        }))
    }

    fn conv2d(&self) -> Translated<Layer> {
        let settings = self.convolution::<2>()?;
        Ok(Layer::Conv2d(Conv2d {
            name: settings.name,
            filters: settings.filters,
            kernel: settings.kernel,
            stride: settings.stride,
            padding: settings.padding.into(),
            dilation: settings.dilation,
            groups: settings.groups,
            bias: settings.bias,
            activation: Some(Activation::Linear),
        }))
    }

    fn conv_transpose1d(&self) -> Translated<Layer> {
        let settings = self.convolution::<1>()?;
        let [output_padding] = self.sizes("output_padding")?;
        Ok(Layer::ConvTranspose1d(ConvTranspose1d {
            name: settings.name,
            filters: settings.filters,
            kernel: settings.kernel[0],
            stride: settings.stride[0],
            padding: settings.padding[0].into(),
            output_padding,
            dilation: settings.dilation[0],
            groups: settings.groups,
            bias: settings.bias,
            activation: Some(Activation::Linear),
        }))
    }

    fn conv_transpose2d(&self) -> Translated<Layer> {
        let settings = self.convolution::<2>()?;
        Ok(Layer::ConvTranspose2d(ConvTranspose2d {
            name: settings.name,
            filters: settings.filters,
            kernel: settings.kernel,
            stride: settings.stride,
            padding: settings.padding.into(),
            output_padding: self.sizes("output_padding")?,
            dilation: settings.dilation,
            groups: settings.groups,
            bias: settings.bias,
            activation: Some(Activation::Linear),
        }))
    }

    fn window<const N: usize>(&self) -> Translated<Window<N>> {
        let is_dilated = self.get("dilation").is_some() && self.sizes::<N>("dilation")? != [1; N];
        if self.flag("ceil_mode") || is_dilated {
            return Err(self.unsupported_settings());
        }
        Ok(Window {
            size: self.sizes("kernel_size")?,
            padding: self.sizes("padding")?,
            stride: self.sizes("stride")?,
        })
    }

    fn pool1d(&self) -> Translated<Pool1d> {
        let window = self.window::<1>()?;
        Ok(Pool1d {
            name: String::new(),
            window: window.size[0],
            stride: Some(window.stride[0]),
            padding: window.padding[0].into(),
            count_padding: true,
            ceil_mode: false,
        })
    }

    fn pool2d(&self) -> Translated<Pool2d> {
        let window = self.window::<2>()?;
        Ok(Pool2d {
            name: String::new(),
            window: window.size,
            stride: Some(window.stride),
            padding: window.padding.into(),
            count_padding: true,
            ceil_mode: false,
        })
    }

    fn adaptive_pool1d(&self) -> Translated<AdaptivePool1d> {
        let [output] = self.sizes("output_size")?;
        Ok(AdaptivePool1d {
            name: String::new(),
            output,
        })
    }

    fn adaptive_pool2d(&self) -> Translated<AdaptivePool2d> {
        Ok(AdaptivePool2d {
            name: String::new(),
            output: self.sizes("output_size")?,
        })
    }
}
