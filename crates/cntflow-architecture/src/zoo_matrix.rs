//! The networks of the Small CNN Zoo: convolutions of stride 2, a global average, a dense layer,
//! told from `layout.csv`.

use cntflow_formats::zoo_matrix::Variable;
use cntflow_network::{Activation, Conv2d, Dense, GlobalPool, Layer};

use crate::builder::ArchitectureBuilder;
use crate::error::{Translated, unsupported};
use crate::image_size;
use crate::recipe::{TensorRecipe, TensorSlice};
use crate::resolved::ResolvedArchitecture;

/// What the columns of `metrics.csv.gz` tell of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZooHints {
    /// `config.activation`.
    pub activation: Option<String>,
    /// `config.dataset`.
    pub dataset: Option<String>,
}

/// A kernel, and the bias that belongs to it by its name.
struct Module<'a> {
    name: &'a str,
    kernel: &'a Variable,
    bias: Option<String>,
}

/// The architecture of a row of the matrix, by the variables that its columns hold.
///
/// # Errors
/// A variable is neither kernel nor bias, or the kernels are not those of convolutions with one
/// dense layer at the end.
pub fn translate(
    variables: &[Variable],
    hints: &ZooHints,
) -> Result<ResolvedArchitecture, crate::TranslationError> {
    let mut builder = ArchitectureBuilder::default();
    builder.assume("no padding of the convolutions, as Keras has it by default");
    builder.assume(
        "strides of 2 and a global average before the dense layer, as the zoo is published",
    );
    builder.assume("the last layer gives logits");
    let dataset = hints.dataset.as_deref();
    let size = dataset.and_then(image_size::of_dataset).unwrap_or_else(|| {
        let size = image_size::DEFAULT;
        builder.assume(format!("inputs of {size} x {size}"));
        size
    });
    let activation = hints.activation.as_deref().and_then(activation);
    let modules = modules(variables)?;
    let mut input = None;
    for (index, module) in modules.iter().enumerate() {
        let is_last = index + 1 == modules.len();
        match *module.kernel.shape {
            [rows, columns, channels, filters] if !is_last => {
                input.get_or_insert([channels, size, size]);
                builder.add_layer(Layer::Conv2d(Conv2d {
                    name: module.name.to_owned(),
                    filters,
                    kernel: [rows, columns],
                    stride: [2, 2],
                    padding: [0, 0].into(),
                    dilation: [1, 1],
                    groups: 1,
                    bias: module.bias.is_some(),
                    activation,
                }));
            }
            [_, units] if is_last => {
                builder.add_layer(Layer::GlobalAveragePool(GlobalPool::default()));
                builder.add_layer(Layer::Dense(Dense {
                    name: module.name.to_owned(),
                    units,
                    bias: module.bias.is_some(),
                    activation: Some(Activation::Linear),
                }));
            }
            _ => {
                return Err(unsupported(format!(
                    "variable {} {:?} is neither the kernel of a convolution nor that of a dense layer at the end",
                    module.kernel.name, module.kernel.shape
                )));
            }
        }
        set_recipes(&mut builder, module);
    }
    let input = input.ok_or_else(|| unsupported("there is no convolution"))?;
    Ok(builder.finish(input.to_vec(), "zoo matrix"))
}

/// An activation by its name in Keras.
fn activation(name: &str) -> Option<Activation> {
    serde_json::from_value(serde_json::Value::from(name)).ok()
}

fn modules(variables: &[Variable]) -> Translated<Vec<Module<'_>>> {
    let mut modules = Vec::new();
    for variable in variables {
        let name = &variable.name;
        let (module, kind) = name.rsplit_once('/').unwrap_or(("", name));
        match kind.split(':').next() {
            Some("kernel") => {
                let bias = name.replace("kernel", "bias");
                let is_listed = variables.iter().any(|other| other.name == bias);
                modules.push(Module {
                    name: module,
                    kernel: variable,
                    bias: is_listed.then_some(bias),
                });
            }
            Some("bias") => {}
            _ => {
                let reason = format!("variable {name} is neither kernel nor bias");
                return Err(unsupported(reason));
            }
        }
    }
    Ok(modules)
}

/// Keras has `[rows, columns, channels, filters]` and `[n_in, units]`, architectures have the
/// outputs first.
fn set_recipes(builder: &mut ArchitectureBuilder, module: &Module<'_>) {
    let outputs_first: &[usize] = match module.kernel.shape.len() {
        4 => &[3, 2, 0, 1],
        _ => &[1, 0],
    };
    let kernel = TensorSlice::permuted(&*module.kernel.name, outputs_first);
    builder.set_recipe(
        format!("{}.weight", module.name),
        TensorRecipe::Slice(kernel),
    );
    if let Some(bias) = &module.bias {
        let bias = TensorRecipe::Slice(TensorSlice::whole(bias));
        builder.set_recipe(format!("{}.bias", module.name), bias);
    }
}
