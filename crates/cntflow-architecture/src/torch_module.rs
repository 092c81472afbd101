//! The architecture that a pickled `nn.Sequential` tells by its modules and their attributes.

use std::collections::BTreeMap;

use cntflow_network::Architecture;
use serde_json::{Value as Json, json};

use crate::EmbeddedArchitecture;
use cntflow_formats::pickle::{Id, Pickle, Value};

/// Rows and columns that images may have, tried where only what comes behind them tells.
const LARGEST_IMAGE: usize = 512;

/// Sizes that images mostly have, preferred where several fit.
const USUAL: [usize; 8] = [28, 32, 64, 224, 96, 128, 256, 16];

/// The architecture of the pickle's root; `None` if that is no `nn.Sequential`: what any other module does with its parts is code,
/// which the file does not hold. `None` too where nothing tells how large the images are that it takes.
pub(crate) fn embedded(pickle: &Pickle) -> Option<EmbeddedArchitecture> {
    let (class, object) = pickle.object(pickle.root())?;
    if class != ("torch.nn.modules.container", "Sequential") {
        return None;
    }
    let mut assumptions = Vec::new();
    let architecture = chain(pickle, pickle.pairs(object.state?)?, &mut assumptions).transpose()?;
    Some(EmbeddedArchitecture {
        architecture,
        recipes: BTreeMap::new(),
        assumptions,
    })
}

/// A pickled module's attributes.
struct Module<'p> {
    pickle: &'p Pickle,
    path: String,
    class: &'p str,
    state: &'p [(Id, Id)],
}

/// The chain of a sequence's modules, if the size of its inputs is told.
fn chain(
    pickle: &Pickle,
    state: &[(Id, Id)],
    assumptions: &mut Vec<String>,
) -> Result<Option<Architecture>, String> {
    let mut modules = Vec::new();
    flatten(pickle, state, "", &mut modules, 0)?;
    let first = modules.iter().find_map(Module::input);
    let layers = modules
        .iter()
        .map(Module::layer)
        .collect::<Result<Vec<_>, String>>()?;
    let layers: Vec<Json> = layers.into_iter().flatten().collect();
    let parse = |input: Json| -> Result<Architecture, String> {
        serde_json::from_value(json!({"input": input, "layers": layers}))
            .map_err(|error| error.to_string())
    };
    match first.ok_or("it has no layer with weights")? {
        Input::Units(units) => parse(json!([units])).map(Some),
        Input::Row(channels) => {
            let fits = fitting(&modules, |size| parse(json!([channels, size])));
            Ok(told(fits, assumptions, "columns"))
        }
        Input::Image(channels) => {
            let fits = fitting(&modules, |size| parse(json!([channels, size, size])));
            Ok(told(fits, assumptions, "rows and columns"))
        }
    }
}

/// The architectures, by the size of their images, whose dense kernels are as wide as the modules say.
fn fitting(
    modules: &[Module<'_>],
    parse: impl Fn(usize) -> Result<Architecture, String>,
) -> Vec<(usize, Architecture)> {
    let wide: Vec<_> = modules
        .iter()
        .filter(|module| module.class == "Linear")
        .collect();
    if wide.is_empty() {
        return Vec::new();
    }
    let fits = |size: usize| -> Option<(usize, Architecture)> {
        let architecture = parse(size).ok()?;
        let tensors = architecture.tensors().ok()?;
        let same = wide.iter().all(|module| {
            let name = format!("{}.weight", module.path);
            let found = tensors.iter().find(|tensor| tensor.name == name);
            found.map(|tensor| tensor.shape[1]) == module.size("in_features")
        });
        same.then_some((size, architecture))
    };
    (1..=LARGEST_IMAGE).filter_map(fits).collect()
}

/// The one that fits; where several do, the one of a usual size; none where images of any size do.
fn told(
    mut fits: Vec<(usize, Architecture)>,
    assumptions: &mut Vec<String>,
    what: &str,
) -> Option<Architecture> {
    let largest = fits.last().map(|(size, _)| *size)?;
    if largest == LARGEST_IMAGE {
        return None;
    }
    let usual = USUAL
        .iter()
        .find_map(|usual| fits.iter().position(|(size, _)| size == usual));
    let (size, architecture) = fits.swap_remove(usual.unwrap_or(0));
    if !fits.is_empty() {
        assumptions.push(format!(
            "inputs of {size} {what}: {} other sizes fit as well",
            fits.len()
        ));
    }
    Some(architecture)
}

/// All modules of a sequence and of the sequences in it.
fn flatten<'p>(
    pickle: &'p Pickle,
    state: &'p [(Id, Id)],
    path: &str,
    modules: &mut Vec<Module<'p>>,
    depth: usize,
) -> Result<(), String> {
    if depth > 16 || modules.len() > 10_000 {
        return Err("it nests too many sequences".to_owned());
    }
    let held = pickle
        .get(state, "_modules")
        .and_then(|held| pickle.pairs(held))
        .unwrap_or_default();
    for &(key, module) in held {
        let key = pickle.plain(key).unwrap_or_default();
        let path = if path.is_empty() {
            key
        } else {
            format!("{path}.{key}")
        };
        let found = pickle
            .object(module)
            .and_then(|(class, object)| Some((class, pickle.pairs(object.state?)?)));
        let ((place, class), state) = found.ok_or_else(|| format!("{path} is no module"))?;
        match (place.starts_with("torch.nn.modules."), class) {
            (true, "Sequential") => flatten(pickle, state, &path, modules, depth + 1)?,
            (true, _) => modules.push(Module {
                pickle,
                path,
                class,
                state,
            }),
            (false, _) => {
                return Err(format!(
                    "what {place}.{class} ({path}) does is code, which the file does not hold"
                ));
            }
        }
    }
    Ok(())
}

/// What the first layer with weights takes.
enum Input {
    Units(usize),
    Row(usize),
    Image(usize),
}

impl Module<'_> {
    fn get(&self, name: &str) -> Option<Id> {
        self.pickle.get(self.state, name)
    }

    fn size(&self, name: &str) -> Option<usize> {
        self.pickle.size(self.get(name)?)
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name)
            .and_then(|flag| self.pickle.whole(flag))
            .is_some_and(|flag| flag != 0)
    }

    fn real(&self, name: &str) -> Option<f64> {
        match *self.pickle.value(self.get(name)?) {
            Value::Real(number) => Some(number),
            Value::Whole(number) => Some(number as f64),
            _ => None,
        }
    }

    /// One number for each of the dimensions, where there is one for all or one for each.
    fn sizes(&self, name: &str, n: usize) -> Result<Vec<usize>, String> {
        let id = self.get(name);
        let one = id
            .and_then(|id| self.pickle.size(id))
            .map(|size| vec![size; n]);
        let sizes = one.or_else(|| self.pickle.sizes(id?));
        let sizes = sizes.filter(|sizes| sizes.len() == n);
        sizes.ok_or_else(|| {
            format!(
                "{} {} has a {name} that cannot be expressed",
                self.class, self.path
            )
        })
    }

    fn input(&self) -> Option<Input> {
        match self.class {
            "Linear" => self.size("in_features").map(Input::Units),
            "Conv1d" | "ConvTranspose1d" => self.size("in_channels").map(Input::Row),
            "Conv2d" | "ConvTranspose2d" => self.size("in_channels").map(Input::Image),
            _ => None,
        }
    }

    fn has_bias(&self) -> bool {
        let parameters = self
            .get("_parameters")
            .and_then(|held| self.pickle.pairs(held));
        let bias = parameters.and_then(|pairs| self.pickle.get(pairs, "bias"));
        bias.is_some_and(|bias| *self.pickle.value(bias) != Value::None)
    }

    /// The layer of our schema; `None` for what does nothing when a network is evaluated.
    fn layer(&self) -> Result<Option<Json>, String> {
        let activation = |name: &str| Ok(Some(json!({"kind": "activation", "activation": name})));
        match self.class {
            "Dropout" | "Dropout1d" | "Dropout2d" | "AlphaDropout" | "Identity" => Ok(None),
            "Linear" => Ok(Some(json!({
                "kind": "dense", "name": self.path, "units": self.size("out_features"), "bias": self.has_bias(), "activation": "linear",
            }))),
            "Conv1d" => self.convolution("conv1d", 1),
            "Conv2d" => self.convolution("conv2d", 2),
            "ConvTranspose1d" => self.convolution("conv_transpose1d", 1),
            "ConvTranspose2d" => self.convolution("conv_transpose2d", 2),
            "BatchNorm1d" | "BatchNorm2d" => Ok(Some(json!({
                "kind": "batch_norm", "name": self.path, "epsilon": self.real("eps"), "affine": self.flag("affine"),
            }))),
            "MaxPool1d" => self.pool("max_pool1d", 1),
            "MaxPool2d" => self.pool("max_pool2d", 2),
            "AvgPool1d" => self.pool("average_pool1d", 1),
            "AvgPool2d" => self.pool("average_pool2d", 2),
            "AdaptiveAvgPool1d" => self.adaptive("adaptive_average_pool1d", 1),
            "AdaptiveAvgPool2d" => self.adaptive("adaptive_average_pool2d", 2),
            "AdaptiveMaxPool1d" => self.adaptive("adaptive_max_pool1d", 1),
            "AdaptiveMaxPool2d" => self.adaptive("adaptive_max_pool2d", 2),
            "Flatten" => Ok(Some(json!({"kind": "flatten"}))),
            "ReLU" => activation("relu"),
            "LeakyReLU" if self.real("negative_slope") == Some(0.01) => activation("leaky_relu"),
            "ELU" if self.real("alpha") == Some(1.0) => activation("elu"),
            "SELU" => activation("selu"),
            "GELU" => match self.get("approximate").and_then(|id| self.pickle.text(id)) {
                Some("tanh") => activation("gelu_tanh"),
                _ => activation("gelu"),
            },
            "SiLU" => activation("silu"),
            "Sigmoid" => activation("sigmoid"),
            "Tanh" => activation("tanh"),
            "Softplus" => activation("softplus"),
            "Hardswish" => activation("hardswish"),
            "Softmax" => activation("softmax"),
            class => Err(format!(
                "{class} ({}) with its settings cannot be expressed",
                self.path
            )),
        }
    }

    fn convolution(&self, kind: &str, n: usize) -> Result<Option<Json>, String> {
        if self
            .get("padding_mode")
            .and_then(|id| self.pickle.text(id))
            .is_some_and(|mode| mode != "zeros")
        {
            return Err(format!(
                "{} ({}) pads with other things than zeros",
                self.class, self.path
            ));
        }
        let mut layer = json!({
            "kind": kind, "name": self.path, "filters": self.size("out_channels"), "groups": self.size("groups"),
            "bias": self.has_bias(), "activation": "linear",
        });
        for (key, attribute) in [
            ("kernel", "kernel_size"),
            ("stride", "stride"),
            ("padding", "padding"),
            ("dilation", "dilation"),
        ] {
            layer[key] = shaped(&self.sizes(attribute, n)?);
        }
        if kind.starts_with("conv_transpose") {
            layer["output_padding"] = shaped(&self.sizes("output_padding", n)?);
        }
        Ok(Some(layer))
    }

    fn pool(&self, kind: &str, n: usize) -> Result<Option<Json>, String> {
        if self.flag("ceil_mode")
            || self.get("dilation").is_some() && self.sizes("dilation", n)? != vec![1; n]
        {
            return Err(format!(
                "{} ({}) with its settings cannot be expressed",
                self.class, self.path
            ));
        }
        let mut layer = json!({"kind": kind, "window": shaped(&self.sizes("kernel_size", n)?), "padding": shaped(&self.sizes("padding", n)?)});
        layer["stride"] = shaped(&self.sizes("stride", n)?);
        Ok(Some(layer))
    }

    fn adaptive(&self, kind: &str, n: usize) -> Result<Option<Json>, String> {
        Ok(Some(
            json!({"kind": kind, "output": shaped(&self.sizes("output_size", n)?)}),
        ))
    }
}

/// A number for one dimension, a list for more.
fn shaped(sizes: &[usize]) -> Json {
    match sizes {
        [one] => json!(one),
        more => json!(more),
    }
}
