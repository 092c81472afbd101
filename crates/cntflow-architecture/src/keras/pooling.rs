//! Poolings over windows, and over all places.

use cntflow_network::{GlobalPool, Layer, Pool1d, Pool2d, TakeStep, TakenStep};
use serde::Deserialize;
use serde_json::Value;

use super::config::KerasLayer;
use super::settings::{Sizes, ones};
use super::shape::Shape;
use super::translator::Translator;
use super::window::{Dimensions, PaddingMode, Sides, Window, padding1d, padding2d};
use crate::error::{Translated, unsupported};

#[derive(Deserialize)]
struct PoolSettings {
    pool_size: Sizes,
    strides: Option<Sizes>,
    #[serde(default)]
    padding: PaddingMode,
}

/// A pooling whose window has been placed.
struct PlacedPool {
    window: Window,
    zeros: Sides,
    output: Shape,
}

impl PlacedPool {
    /// The pooling as a layer of one dimension.
    fn one_dimensional(&self, layer: &KerasLayer, count_padding: bool) -> Pool1d {
        Pool1d {
            name: layer.name.clone(),
            window: self.window.kernel[1],
            stride: Some(self.window.stride[1]),
            padding: padding1d(self.zeros),
            count_padding,
            ceil_mode: false,
        }
    }

    /// The pooling as a layer of two dimensions.
    fn two_dimensional(&self, layer: &KerasLayer, count_padding: bool) -> Pool2d {
        Pool2d {
            name: layer.name.clone(),
            window: self.window.kernel,
            stride: Some(self.window.stride),
            padding: padding2d(self.zeros),
            count_padding,
            ceil_mode: false,
        }
    }
}

impl Translator<'_> {
    pub(super) fn max_pool(&mut self, layer: &KerasLayer) -> Translated<()> {
        let pool = self.placed_pool(layer, |translator, _| translator.zeros_are_never_largest())?;
        let max_pool = match pool.window.dimensions {
            Dimensions::One => Layer::MaxPool1d(pool.one_dimensional(layer, true)),
            Dimensions::Two => Layer::MaxPool2d(pool.two_dimensional(layer, true)),
        };
        self.push(max_pool, pool.output);
        Ok(())
    }

    /// Keras counts zeros of a `ZeroPadding` layer in the means, but not those of the pooling's own
    /// padding.
    pub(super) fn average_pool(&mut self, layer: &KerasLayer) -> Translated<()> {
        let has_zeros = self.has_pending_zeros();
        let pool = self.placed_pool(layer, |_, mode| mode == PaddingMode::Valid)?;
        let count_padding = has_zeros || pool.zeros == Sides::default();
        if !count_padding {
            self.assume_uneven_padding(layer, pool.zeros, "its means leave out the padding")?;
        }
        let average_pool = match pool.window.dimensions {
            Dimensions::One => Layer::AveragePool1d(pool.one_dimensional(layer, count_padding)),
            Dimensions::Two => Layer::AveragePool2d(pool.two_dimensional(layer, count_padding)),
        };
        self.push(average_pool, pool.output);
        Ok(())
    }

    /// Places a pooling's window. `zeros_fit` says whether pending zeros act like padding of the
    /// pooling itself.
    fn placed_pool(
        &self,
        layer: &KerasLayer,
        zeros_fit: impl Fn(&Self, PaddingMode) -> bool,
    ) -> Translated<PlacedPool> {
        let settings: PoolSettings = layer.settings()?;
        let strides = settings.strides.as_ref().unwrap_or(&settings.pool_size);
        let window = self.window(layer, &settings.pool_size, strides, &ones())?;
        if self.has_pending_zeros() && !zeros_fit(self, settings.padding) {
            return Err(unsupported(
                "the zeros around its input, from a layer before it, do not act like its own padding",
            ));
        }
        let (zeros, sizes) = self.padded(&window, settings.padding)?;
        let output = window.output(sizes, window.input.channels);
        Ok(PlacedPool {
            window,
            zeros,
            output,
        })
    }

    pub(super) fn global_max_pool(&mut self, layer: &KerasLayer) -> Translated<()> {
        refuse_kept_dimensions(layer)?;
        let (Shape::Image(spatial) | Shape::Line(spatial)) = self.current.shape else {
            return Err(self.wrong_input());
        };
        let name = layer.name.clone();
        let max = Layer::GlobalMaxPool(GlobalPool { name });
        self.push(max, Shape::Units(spatial.channels, None));
        Ok(())
    }

    /// The mean over all places, or over all steps of a sequence.
    pub(super) fn global_average_pool(&mut self, layer: &KerasLayer) -> Translated<()> {
        refuse_kept_dimensions(layer)?;
        let (mean, units) = match self.current.shape {
            Shape::Image(spatial) | Shape::Line(spatial) => {
                let name = layer.name.clone();
                let mean = Layer::GlobalAveragePool(GlobalPool { name });
                (mean, spatial.channels)
            }
            Shape::Steps { units, .. } => {
                let which = TakenStep::Mean;
                (Layer::TakeStep(TakeStep { which }), units)
            }
            Shape::Units(..) => return Err(self.wrong_input()),
        };
        self.push(mean, Shape::Units(units, None));
        Ok(())
    }

    /// The error of a layer that does not take the shape of its input.
    pub(super) fn wrong_input(&self) -> crate::error::TranslationError {
        let shape = self.current.shape.channels_last();
        unsupported(format!(
            "its input has shape {shape:?}, which cannot be expressed"
        ))
    }
}

fn refuse_kept_dimensions(layer: &KerasLayer) -> Translated<()> {
    if layer.settings.get("keepdims") == Some(&Value::Bool(true)) {
        return Err(unsupported("keepdims cannot be expressed"));
    }
    Ok(())
}
