//! Kernels and norms that stand alone: the first layer of a part.

use std::collections::{BTreeMap, HashMap};

use cntflow_formats::TensorEntry;
use cntflow_network::{BatchNorm, Conv2d, Layer, LayerNorm};

use super::super::chain::{ChainBuilder, EPSILON, EPSILON_ASSUMED, Output};
use super::super::module::{Layout, Module};
use super::super::modules::dotted;
use crate::error::{Translated, unsupported};
use crate::recipe::TensorRecipe;

/// Words in the names of tensors that hold a vector for every token or position.
const TABLE_WORDS: [&str; 6] = ["emb", "pos", "token", "table", "codebook", "vocab"];

/// Modules of the kernels that are no parameter of any module by their names, each with its bias if
/// there is one. `tensors` are all of the file.
pub(super) fn modules_of<'t>(
    others: &[(String, &'t TensorEntry)],
    tensors: &[TensorEntry],
) -> Vec<Module<'t>> {
    let layout = usual_layout(tensors);
    let by_name: HashMap<&str, &'t TensorEntry> = others
        .iter()
        .map(|(name, tensor)| (&**name, *tensor))
        .collect();
    let mut modules = Vec::new();
    for (index, (name, tensor)) in others.iter().enumerate() {
        if squeezed(&tensor.shape).len() < 2 {
            continue;
        }
        let named = bias_name(name).and_then(|bias| by_name.get(&*bias).copied());
        // In a list of arrays the bias comes next.
        let next = others
            .get(index + 1)
            .filter(|_| name.ends_with(|c: char| c.is_ascii_digit()));
        let bias = named.or(next.map(|(_, tensor)| *tensor));
        modules.push(module(index, name, tensor, bias, layout));
    }
    modules
}

/// The layout of the kernels whose names tell it: that of Keras if any kernel has it.
fn usual_layout(tensors: &[TensorEntry]) -> Layout {
    let is_keras = |tensor: &TensorEntry| dotted(&tensor.name).ends_with(".kernel");
    if tensors.iter().any(is_keras) {
        Layout::InputsFirst
    } else {
        Layout::OutputsFirst
    }
}

/// A kernel with its bias, if `bias` is a vector of one of its two outer sizes. That tells which
/// size is that of the outputs.
fn module<'t>(
    index: usize,
    name: &str,
    tensor: &'t TensorEntry,
    bias: Option<&'t TensorEntry>,
    usual: Layout,
) -> Module<'t> {
    let mut parameters = BTreeMap::from([("weight".to_owned(), tensor)]);
    let length = bias.and_then(|bias| match bias.shape[..] {
        [n] => Some(n),
        _ => None,
    });
    let is = |size: Option<&usize>| length.is_some() && size.copied() == length;
    let ends = [is(tensor.shape.first()), is(tensor.shape.last())];
    let lower = name.to_ascii_lowercase();
    let is_named_table = TABLE_WORDS.iter().any(|word| lower.contains(word));
    let layout = match ends {
        [false, true] => Layout::InputsFirst,
        [true, false] => Layout::OutputsFirst,
        [false, false] if is_named_table => Layout::Table,
        _ => usual,
    };
    if ends != [false, false] {
        parameters.extend(bias.map(|bias| ("bias".to_owned(), bias)));
    }
    Module {
        path: name.to_owned(),
        index,
        parameters,
        layout,
    }
}

/// The name that the bias of a kernel would have: `b1` for `w1`, `enc_b_ih` for `enc_w_ih`.
fn bias_name(kernel: &str) -> Option<String> {
    let (path, last) = kernel.rsplit_once('.').unwrap_or(("", kernel));
    let parts: Vec<&str> = last.split('_').collect();
    let of_kernel = |part: &&str| {
        let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
        ["w", "W", "weight", "weights"].contains(&word)
    };
    let at = parts.iter().position(of_kernel)?;
    let number = parts[at].trim_start_matches(|c: char| !c.is_ascii_digit());
    let word = match &parts[at][..parts[at].len() - number.len()] {
        "W" => "B",
        "weight" => "bias",
        "weights" => "biases",
        _ => "b",
    };
    let mut bias: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    bias[at] = format!("{word}{number}");
    let last = bias.join("_");
    Some(if path.is_empty() {
        last
    } else {
        format!("{path}.{last}")
    })
}

/// A shape without its dimensions of size 1.
fn squeezed(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|&size| size != 1).collect()
}

/// Whether a module has a kernel that can stand alone.
pub(super) fn is_kernel(module: &Module<'_>) -> bool {
    module.is_recurrent() || (2..=5).contains(&module.rank())
}

/// Words in the names of norms.
const NORM_WORDS: [&str; 3] = ["norm", "ln", "bn"];

/// Whether a module normalises. A vector named `weight` alone may as well be the slopes of an
/// activation, unless its module is named as norms are.
pub(super) fn is_norm(module: &Module<'_>) -> bool {
    let path = module.path.to_ascii_lowercase();
    let is_named = NORM_WORDS.iter().any(|word| path.contains(word));
    module.is_norm() && (module.has("running_mean") || module.has("bias") || is_named)
}

/// Adds a kernel as the first layer of a part.
///
/// # Errors
/// It is no kernel of a known layer.
pub(super) fn push(chain: &mut ChainBuilder, module: &Module<'_>) -> Translated<()> {
    let shape = module.shape("weight");
    match (module.rank(), module.layout) {
        _ if module.is_recurrent() => chain.push(module),
        (_, Layout::Table) => table(chain, module, &squeezed(&shape)),
        (5, _) => solid_convolution(chain, module, &shape),
        _ => chain.push(module),
    }
}

/// A vector for every token, whatever dimensions of size 1 there are.
fn table(chain: &mut ChainBuilder, module: &Module<'_>, sizes: &[usize]) -> Translated<()> {
    let &[_, _] = sizes else {
        return Err(unsupported(format!(
            "{} is no table of vectors",
            module.shown()
        )));
    };
    chain.embedding_of(module, sizes);
    if let Some(slice) = module.slice("weight").filter(|_| module.rank() > 2) {
        let name = format!("{}.weight", module.path);
        let recipe = TensorRecipe::Slice(slice.shaped(sizes));
        chain.architecture.set_recipe(name, recipe);
    }
    Ok(())
}

/// A convolution of three dimensions, in the graph of channels: the places of its kernel in rows
/// and columns.
fn solid_convolution(
    chain: &mut ChainBuilder,
    module: &Module<'_>,
    shape: &[usize],
) -> Translated<()> {
    let &[filters, channels, depth, rows, columns] = shape else {
        return Err(unsupported(format!(
            "{} has no 5 dimensions",
            module.shown()
        )));
    };
    let kernel = [depth.saturating_mul(rows), columns];
    chain.input = vec![channels, 0, 0];
    chain.extent.record_convolution(&kernel, false);
    chain.output = Output::Channels {
        channels: filters,
        dimensions: 3,
    };
    let bias = chain.has_bias(module, filters)?;
    let layer = Layer::Conv2d(Conv2d {
        name: module.path.clone(),
        filters,
        kernel,
        stride: [1, 1],
        padding: [0, 0].into(),
        dilation: [1, 1],
        groups: 1,
        bias,
        activation: None,
    });
    chain.add_module(module, layer);
    if let Some(slice) = module.slice("weight") {
        let slice = slice.shaped(&[filters, channels, kernel[0], kernel[1]]);
        let name = format!("{}.weight", module.path);
        chain
            .architecture
            .set_recipe(name, TensorRecipe::Slice(slice));
    }
    Ok(())
}

/// Adds a norm as the only layer of a part.
///
/// # Errors
/// Its parameters are no vectors.
pub(super) fn push_norm(chain: &mut ChainBuilder, module: &Module<'_>) -> Translated<()> {
    let vector = if module.has("running_mean") {
        "running_mean"
    } else {
        "weight"
    };
    let &[n] = &module.shape(vector)[..] else {
        return Err(unsupported(format!("{} is no vector", module.shown())));
    };
    let (name, activation) = (module.path.clone(), None);
    let layer = if module.has("running_mean") {
        chain.input = vec![n, 1];
        Layer::BatchNorm(BatchNorm {
            name,
            epsilon: EPSILON,
            affine: module.has("weight"),
            activation,
        })
    } else {
        chain.input = vec![n];
        Layer::LayerNorm(LayerNorm {
            name,
            epsilon: EPSILON,
            affine: true,
            bias: module.has("bias"),
            activation,
        })
    };
    chain.assume(EPSILON_ASSUMED);
    chain.output = Output::Units(n);
    chain.add_module(module, layer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bias_of_a_kernel_is_found_by_its_name() {
        let cases = [
            ("w1", "b1"),
            ("heads.w2", "heads.b2"),
            ("enc_w_ih", "enc_b_ih"),
            ("conv2d_10.w_0", "conv2d_10.b_0"),
            ("weights", "biases"),
        ];
        for (kernel, bias) in cases {
            assert_eq!(bias_name(kernel).as_deref(), Some(bias), "{kernel}");
        }
        assert_eq!(bias_name("table"), None);
    }
}
