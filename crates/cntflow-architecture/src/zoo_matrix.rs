//! The networks of the Small CNN Zoo: convolutions of stride 2, a global average, a dense layer, told from `layout.csv`.

use std::collections::BTreeMap;

use cntflow_network::{Activation, Architecture, Conv2d, Dense, GlobalPool, Layer};

use crate::{EmbeddedArchitecture, TensorRecipe, TensorSlice};
use cntflow_formats::zoo_matrix::Variable;

/// Rows and columns of the inputs where the data set is not known.
const USUAL_SIZE: usize = 28;

/// What the columns of `metrics.csv.gz` tell of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZooHints {
    /// `config.activation`.
    pub activation: Option<String>,
    /// `config.dataset`.
    pub dataset: Option<String>,
}

/// A kernel with its bias, by the variables' names.
struct Module<'a> {
    name: &'a str,
    kernel: &'a Variable,
    bias: bool,
}

/// The architecture of the variables, and what recipes it.
pub fn embedded(variables: &[Variable], told: &ZooHints) -> EmbeddedArchitecture {
    let mut assumptions = vec![
        "no padding of the convolutions, as Keras has it by default".to_owned(),
        "strides of 2 and a global average before the dense layer, as the zoo is published"
            .to_owned(),
        "the last layer gives logits".to_owned(),
    ];
    let modules = modules(variables);
    let recipes = modules
        .iter()
        .flat_map(|modules| modules.iter().flat_map(recipes));
    let recipes: BTreeMap<String, TensorRecipe> = recipes.collect();
    let size = size(told.dataset.as_deref()).unwrap_or_else(|| {
        assumptions.push(format!("inputs of {USUAL_SIZE} x {USUAL_SIZE}"));
        USUAL_SIZE
    });
    let activation = told.activation.as_deref().and_then(activation);
    EmbeddedArchitecture {
        architecture: modules.and_then(|modules| architecture(&modules, size, activation)),
        recipes,
        assumptions,
    }
}

/// An activation by its name in Keras.
fn activation(name: &str) -> Option<Activation> {
    serde_json::from_value(serde_json::Value::from(name)).ok()
}

/// Rows and columns of a data set's images.
fn size(dataset: Option<&str>) -> Option<usize> {
    match dataset? {
        name if name.contains("mnist") => Some(28),
        name if name.contains("cifar") || name.contains("svhn") => Some(32),
        _ => None,
    }
}

fn modules(variables: &[Variable]) -> Result<Vec<Module<'_>>, String> {
    let mut modules = Vec::new();
    for variable in variables {
        let (module, kind) = variable
            .name
            .rsplit_once('/')
            .unwrap_or(("", &variable.name));
        match kind.split(':').next() {
            Some("kernel") => modules.push(Module {
                name: module,
                kernel: variable,
                bias: variables
                    .iter()
                    .any(|other| other.name == variable.name.replace("kernel", "bias")),
            }),
            Some("bias") => {}
            _ => {
                return Err(format!(
                    "variable {} is neither kernel nor bias",
                    variable.name
                ));
            }
        }
    }
    Ok(modules)
}

fn recipes(module: &Module<'_>) -> Vec<(String, TensorRecipe)> {
    let order: &[usize] = match module.kernel.shape.len() {
        4 => &[3, 2, 0, 1],
        _ => &[1, 0],
    };
    let kernel = TensorSlice::reordered(module.kernel.name.clone(), order);
    let mut recipes = vec![(
        format!("{}.weight", module.name),
        TensorRecipe::Tensor(kernel),
    )];
    if module.bias {
        let bias = TensorSlice::whole(module.kernel.name.replace("kernel", "bias"));
        recipes.push((format!("{}.bias", module.name), TensorRecipe::Tensor(bias)));
    }
    recipes
}

fn architecture(
    modules: &[Module<'_>],
    size: usize,
    activation: Option<Activation>,
) -> Result<Architecture, String> {
    let mut layers = Vec::new();
    let mut input = None;
    for (place, module) in modules.iter().enumerate() {
        let last = place + 1 == modules.len();
        match *module.kernel.shape {
            [rows, columns, channels, filters] if !last => {
                input.get_or_insert([channels, size, size]);
                layers.push(Layer::Conv2d(Conv2d {
                    name: module.name.to_owned(),
                    filters,
                    kernel: [rows, columns],
                    stride: [2, 2],
                    padding: [0, 0].into(),
                    dilation: [1, 1],
                    groups: 1,
                    bias: module.bias,
                    activation,
                }));
            }
            [_, units] if last => {
                layers.push(Layer::GlobalAveragePool(GlobalPool::default()));
                layers.push(Layer::Dense(Dense {
                    name: module.name.to_owned(),
                    units,
                    bias: module.bias,
                    activation: Some(Activation::Linear),
                }));
            }
            _ => {
                return Err(format!(
                    "variable {} {:?} is neither a convolution nor the last, dense, layer",
                    module.kernel.name, module.kernel.shape
                ));
            }
        }
    }
    let input = input.ok_or("there is no convolution")?;
    Ok(Architecture {
        input: input.to_vec(),
        layers,
    })
}
