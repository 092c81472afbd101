//! The attributes of a pickled module, as layers need them.

use cntflow_formats::pickle::{Id, Pickle, Value};

use crate::error::{Translated, TranslationError, unsupported};

/// A pickled module with its attributes.
pub(super) struct Module<'p> {
    pub(super) pickle: &'p Pickle,
    /// Its name in the sequence: `0.conv`.
    pub(super) path: String,
    /// Name of its class: `Conv2d`.
    pub(super) class: &'p str,
    /// Its attributes, by their names.
    pub(super) state: &'p [(Id, Id)],
}

/// What a module with weights takes.
pub(super) enum ModuleInput {
    /// So many units.
    Units(usize),
    /// The input of a one-dimensional convolution: its number of channels.
    Line(usize),
    /// The input of a two-dimensional convolution: its number of channels.
    Image(usize),
}

impl Module<'_> {
    /// What the module takes; `None` where it has no kernel.
    pub(super) fn input(&self) -> Option<ModuleInput> {
        match self.class {
            "Linear" => self.size("in_features").map(ModuleInput::Units),
            "Conv1d" | "ConvTranspose1d" => self.size("in_channels").map(ModuleInput::Line),
            "Conv2d" | "ConvTranspose2d" => self.size("in_channels").map(ModuleInput::Image),
            _ => None,
        }
    }

    /// The module as messages show it.
    pub(super) fn shown(&self) -> String {
        format!("{} ({})", self.class, self.path)
    }

    pub(super) fn get(&self, attribute: &str) -> Option<Id> {
        self.pickle.get(self.state, attribute)
    }

    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.pickle.text(self.get(attribute)?)
    }

    pub(super) fn size(&self, attribute: &str) -> Option<usize> {
        self.pickle.size(self.get(attribute)?)
    }

    /// A size that the module's class always has.
    pub(super) fn required_size(&self, attribute: &'static str) -> Translated<usize> {
        self.size(attribute).ok_or_else(|| self.missing(attribute))
    }

    pub(super) fn flag(&self, attribute: &str) -> bool {
        self.get(attribute)
            .and_then(|flag| self.pickle.whole(flag))
            .is_some_and(|flag| flag != 0)
    }

    pub(super) fn real(&self, attribute: &str) -> Option<f64> {
        match *self.pickle.value(self.get(attribute)?) {
            Value::Real(number) => Some(number),
            Value::Whole(number) => Some(number as f64),
            _ => None,
        }
    }

    /// A number for each of `N` dimensions, where the attribute is one for all or one for each.
    pub(super) fn sizes<const N: usize>(&self, attribute: &str) -> Translated<[usize; N]> {
        let id = self.get(attribute);
        let same_for_all = id.and_then(|id| self.pickle.size(id)).map(|size| [size; N]);
        let sizes = same_for_all.or_else(|| self.pickle.sizes(id?)?.try_into().ok());
        sizes.ok_or_else(|| {
            let reason = format!("its {attribute} cannot be expressed");
            unsupported(reason).at_layer(|| self.shown())
        })
    }

    pub(super) fn has_bias(&self) -> bool {
        let parameters = self
            .get("_parameters")
            .and_then(|parameters| self.pickle.pairs(parameters));
        let bias = parameters.and_then(|pairs| self.pickle.get(pairs, "bias"));
        bias.is_some_and(|bias| *self.pickle.value(bias) != Value::None)
    }

    /// The error of settings that architectures do not have.
    pub(super) fn unsupported_settings(&self) -> TranslationError {
        unsupported(format!(
            "{} with its settings cannot be expressed",
            self.shown()
        ))
    }

    pub(super) fn missing(&self, attribute: &'static str) -> TranslationError {
        TranslationError::MissingAttribute {
            module: self.shown(),
            attribute,
        }
    }
}
