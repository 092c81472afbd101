//! What makes a sequence of a transformer's inputs: patches of images, embeddings of tokens or a dense layer, then a class token,
//! embeddings of positions and norms.

use cntflow_network::{ClassToken, Conv2d, Embedding, Layer, PositionEmbedding, Steps, StepsOf};

use super::build::{At, Builder};
use super::names::Module;
use crate::{TensorRecipe, TensorSlice};
use cntflow_formats::TensorEntry;

/// Words that name tensors of learned positions.
const POSITIONS: [&str; 4] = [
    "pos_embed",
    "position_embedding",
    "pos_embedding",
    "positional_embedding",
];

/// A tensor of learned vectors.
struct Learned {
    /// Its name in the architecture.
    name: String,
    /// Its name in the file.
    tensor: String,
    /// Number of its vectors.
    steps: usize,
}

/// Adds all that stands before the blocks: of modules, and of tensors that are no parameters. What is not expressed goes to `left`.
/// Says whether there is a class token.
///
/// # Errors
/// The patches make no square image, or nothing gives the units that the blocks take.
pub(super) fn push(
    builder: &mut Builder,
    (modules, tensors): (&[&Module<'_>], &[&(String, &TensorEntry)]),
    units: usize,
    left: &mut Vec<String>,
) -> Result<bool, String> {
    let class = class_token(tensors, units);
    let position = positions(modules, tensors, units);
    let steps = position.as_ref().map(|position| position.steps);
    let (norms, others): (Vec<&Module<'_>>, Vec<&Module<'_>>) =
        modules.iter().partition(|module| module.rank() == 1);
    for module in others {
        match module.rank() {
            4 if builder.at == At::Start => patches(builder, module, steps, class.is_some())?,
            _ if is_position(module) => {}
            2 if builder.at == At::Start => tokens(builder, module, units, steps)?,
            _ => left.push(module.path.clone()),
        }
    }
    if builder.at == At::Start {
        builder.input = vec![steps.unwrap_or(1), units];
        builder.doubt(
            "nothing that makes a sequence of the inputs is known: they are taken to be one",
        );
    }
    if steps.is_none() {
        builder.doubt("the number of steps is not in the weights: 1 is assumed, no weight metric of the blocks depends on it");
    }
    builder.at = At::Steps(units);
    let used = [&class, &position].map(|found| found.as_ref().map(|found| found.name.clone()));
    let unused = tensors.iter().map(|(name, _)| name.clone());
    left.extend(unused.filter(|name| !used.iter().flatten().any(|own| own == name)));
    let classed = class.is_some();
    if let Some(name) = class.map(|class| fill(builder, class)) {
        builder.layers.push(Layer::ClassToken(ClassToken { name }));
    }
    if let Some(name) = position.map(|position| fill(builder, position)) {
        let layer = PositionEmbedding { name };
        builder.layers.push(Layer::PositionEmbedding(layer));
    }
    for norm in norms {
        builder.push(norm)?;
    }
    Ok(classed)
}

fn fill(builder: &mut Builder, learned: Learned) -> String {
    let whole = TensorRecipe::Tensor(TensorSlice::whole(learned.tensor));
    builder.recipes.insert(learned.name.clone(), whole);
    learned.name
}

fn class_token(tensors: &[&(String, &TensorEntry)], units: usize) -> Option<Learned> {
    let is_one = |(name, tensor): &&&(String, &TensorEntry)| {
        let last = name.rsplit('.').next().unwrap_or_default();
        ["cls_token", "class_token"].contains(&last) && tensor.n_values() == units
    };
    tensors.iter().find(is_one).map(|(name, tensor)| Learned {
        name: name.clone(),
        tensor: tensor.name.clone(),
        steps: 1,
    })
}

/// Learned positions: a tensor `[..., steps, units]`, or the weight of a module.
fn positions(
    modules: &[&Module<'_>],
    tensors: &[&(String, &TensorEntry)],
    units: usize,
) -> Option<Learned> {
    let steps = |tensor: &TensorEntry| match tensor.shape[..] {
        [.., steps, last] if last == units => Some(steps),
        _ => None,
    };
    let named = |name: &str| POSITIONS.iter().any(|word| name.contains(word));
    let mut plain = tensors.iter().filter(|(name, _)| named(name));
    let of_tensor = plain.find_map(|(name, tensor)| {
        Some(Learned {
            name: name.clone(),
            tensor: tensor.name.clone(),
            steps: steps(tensor)?,
        })
    });
    let mut others = modules
        .iter()
        .filter(|module| is_position(module) && module.rank() == 2);
    of_tensor.or_else(|| {
        others.find_map(|module| {
            let tensor = module.parameters.get("weight")?;
            Some(Learned {
                name: format!("{}.weight", module.path),
                tensor: tensor.name.clone(),
                steps: steps(tensor)?,
            })
        })
    })
}

fn is_position(module: &Module<'_>) -> bool {
    let path = module.path.to_ascii_lowercase();
    path.contains("position") || path.contains("pos_emb") || path.ends_with("wpe")
}

/// A convolution whose places become steps: one for each patch of an image.
fn patches(
    builder: &mut Builder,
    module: &Module<'_>,
    steps: Option<usize>,
    classed: bool,
) -> Result<(), String> {
    let &[filters, channels, rows, columns] = &module.shape("weight")[..] else {
        return Err(format!("{} is no kernel of patches", module.shown()));
    };
    let square = |places: usize| Some(places.isqrt()).filter(|side| side * side == places);
    let places = steps.and_then(|steps| steps.checked_sub(usize::from(classed)));
    let side = match places.map(square) {
        Some(Some(side)) if side > 0 => side,
        Some(_) => {
            return Err(format!(
                "{} steps are the patches of no square",
                steps.unwrap_or(0)
            ));
        }
        None => {
            builder.doubt("the size of images is not in the weights: one patch is assumed");
            1
        }
    };
    let size = |patch: usize| side.checked_mul(patch).ok_or("the image is too large");
    builder.input = vec![channels, size(rows)?, size(columns)?];
    builder.doubt(format!(
        "{} is taken to be applied to patches that do not overlap",
        module.path
    ));
    let layer = Conv2d {
        name: module.path.clone(),
        filters,
        kernel: [rows, columns],
        stride: [rows, columns],
        padding: [0, 0].into(),
        dilation: [1, 1],
        groups: 1,
        bias: module.has("bias"),
        activation: None,
    };
    builder.add(module, Layer::Conv2d(layer));
    builder.layers.push(Layer::Steps(Steps {
        of: StepsOf::Places,
    }));
    builder.at = At::Steps(filters);
    Ok(())
}

/// An embedding of tokens, or a dense layer that gives the blocks their units.
fn tokens(
    builder: &mut Builder,
    module: &Module<'_>,
    units: usize,
    steps: Option<usize>,
) -> Result<(), String> {
    let shape = module.shape("weight");
    let path = module.path.to_ascii_lowercase();
    let embedding = path.contains("emb") || path.ends_with("wte");
    if shape[1] == units && embedding && !module.has("bias") {
        builder.input = vec![steps.unwrap_or(1)];
        let layer = Embedding {
            name: module.path.clone(),
            tokens: shape[0],
            units,
        };
        builder.add(module, Layer::Embedding(layer));
        builder.at = At::Steps(units);
        return Ok(());
    }
    builder.push(module)?;
    builder.input.insert(0, steps.unwrap_or(1));
    match builder.at {
        At::Units(given) if given == units => Ok(()),
        _ => Err(format!(
            "{} gives no {units} units, which the blocks take",
            module.shown()
        )),
    }
}
