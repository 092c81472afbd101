//! The stem of a transformer, which makes a sequence of its inputs: patches of images, embeddings
//! of tokens or a dense layer, then a class token, embeddings of positions and norms.

use cntflow_formats::TensorEntry;
use cntflow_network::{ClassToken, Conv2d, Embedding, Layer, PositionEmbedding, Steps, StepsOf};

use super::chain::{ChainBuilder, Output};
use super::module::Module;
use crate::error::{Translated, unsupported};
use crate::recipe::{TensorRecipe, TensorSlice};

/// Words that name tensors of learned positions.
const POSITION_WORDS: [&str; 4] = [
    "pos_embed",
    "position_embedding",
    "pos_embedding",
    "positional_embedding",
];

/// All that stands before a transformer's blocks.
pub(super) struct Stem<'s, 'm, 't> {
    /// Modules, in their order.
    pub(super) modules: &'s [&'m Module<'t>],
    /// Tensors that are no parameters of modules, with their names.
    pub(super) tensors: &'s [&'s (String, &'t TensorEntry)],
    /// Units that the blocks take.
    pub(super) units: usize,
}

/// A tensor of learned vectors.
struct LearnedVectors {
    /// Its name in the architecture.
    name: String,
    /// Its name in the file.
    tensor: String,
    /// Number of its vectors.
    n_vectors: usize,
}

impl Stem<'_, '_, '_> {
    /// Adds the stem; names of what is not expressed go to `left_out`. Says whether there is a
    /// class token.
    ///
    /// # Errors
    /// The patches make no square image, or nothing gives the units that the blocks take.
    pub(super) fn push(
        &self,
        chain: &mut ChainBuilder,
        left_out: &mut Vec<String>,
    ) -> Translated<bool> {
        let class_token = self.class_token();
        let positions = self.positions();
        let n_steps = positions.as_ref().map(|positions| positions.n_vectors);
        let has_class_token = class_token.is_some();
        let (norms, others): (Vec<&Module<'_>>, Vec<&Module<'_>>) =
            self.modules.iter().partition(|module| module.rank() == 1);
        for module in others {
            let is_first = chain.output == Output::Undecided;
            match module.rank() {
                4 if is_first => {
                    // The class token is a step of its own.
                    let n_patches =
                        n_steps.and_then(|n| n.checked_sub(usize::from(has_class_token)));
                    patches(chain, module, n_patches)?;
                }
                _ if is_position(module) => {}
                2 if is_first => self.tokens(chain, module, n_steps)?,
                _ => left_out.push(module.path.clone()),
            }
        }
        if chain.output == Output::Undecided {
            chain.input = vec![n_steps.unwrap_or(1), self.units];
            chain.assume(
                "no layer that turns the inputs into a sequence is known: the inputs are taken to be a sequence",
            );
        }
        if n_steps.is_none() {
            chain.assume("the number of steps is not in the weights: 1 is assumed, no weight metric of the blocks depends on it");
        }
        chain.output = Output::Steps(self.units);
        let is_used = |name: &String| {
            let used = [&class_token, &positions].into_iter().flatten();
            used.into_iter().any(|vectors| vectors.name == *name)
        };
        let names = self.tensors.iter().map(|(name, _)| name.clone());
        left_out.extend(names.filter(|name| !is_used(name)));
        if let Some(vectors) = class_token {
            let name = set_recipe(chain, vectors);
            chain.add_layer(Layer::ClassToken(ClassToken { name }));
        }
        if let Some(vectors) = positions {
            let name = set_recipe(chain, vectors);
            chain.add_layer(Layer::PositionEmbedding(PositionEmbedding { name }));
        }
        for norm in norms {
            chain.push(norm)?;
        }
        Ok(has_class_token)
    }

    fn class_token(&self) -> Option<LearnedVectors> {
        let is_class_token = |(name, tensor): &&&(String, &TensorEntry)| {
            let last = name.rsplit('.').next().unwrap_or_default();
            ["cls_token", "class_token"].contains(&last) && tensor.n_values() == self.units
        };
        let (name, tensor) = self.tensors.iter().find(is_class_token)?;
        Some(LearnedVectors {
            name: name.clone(),
            tensor: tensor.name.clone(),
            n_vectors: 1,
        })
    }

    /// Learned positions: a tensor `[..., steps, units]`, or the weight of a module.
    fn positions(&self) -> Option<LearnedVectors> {
        let vectors = |name: String, tensor: &TensorEntry| match tensor.shape[..] {
            [.., n_vectors, last] if last == self.units => Some(LearnedVectors {
                name,
                tensor: tensor.name.clone(),
                n_vectors,
            }),
            _ => None,
        };
        let is_named = |name: &str| POSITION_WORDS.iter().any(|word| name.contains(word));
        let tensors = self.tensors.iter().filter(|(name, _)| is_named(name));
        let modules = self
            .modules
            .iter()
            .filter(|module| is_position(module) && module.rank() == 2);
        let mut of_tensors = tensors.map(|(name, tensor)| vectors(name.clone(), tensor));
        let mut of_modules = modules.map(|module| {
            let name = format!("{}.weight", module.path);
            vectors(name, module.parameters.get("weight")?)
        });
        let by_tensor = of_tensors.find_map(|vectors| vectors);
        by_tensor.or_else(|| of_modules.find_map(|vectors| vectors))
    }

    /// An embedding of tokens, or a dense layer that gives the blocks their units.
    fn tokens(
        &self,
        chain: &mut ChainBuilder,
        module: &Module<'_>,
        n_steps: Option<usize>,
    ) -> Translated<()> {
        let shape = module.shape("weight");
        let path = module.path.to_ascii_lowercase();
        let is_embedding = path.contains("emb") || path.ends_with("wte");
        if shape[1] == self.units && is_embedding && !module.has("bias") {
            chain.input = vec![n_steps.unwrap_or(1)];
            let layer = Embedding {
                name: module.path.clone(),
                tokens: shape[0],
                units: self.units,
            };
            chain.add_module(module, Layer::Embedding(layer));
            chain.output = Output::Steps(self.units);
            return Ok(());
        }
        chain.push(module)?;
        chain.input.insert(0, n_steps.unwrap_or(1));
        if chain.output != Output::Units(self.units) {
            return Err(unsupported(format!(
                "{} does not give the {} units that the blocks take",
                module.shown(),
                self.units
            )));
        }
        Ok(())
    }
}

/// Sets the recipe of learned vectors; gives their name in the architecture.
fn set_recipe(chain: &mut ChainBuilder, vectors: LearnedVectors) -> String {
    let whole = TensorRecipe::Slice(TensorSlice::whole(vectors.tensor));
    chain.architecture.set_recipe(vectors.name.clone(), whole);
    vectors.name
}

fn is_position(module: &Module<'_>) -> bool {
    let path = module.path.to_ascii_lowercase();
    path.contains("position") || path.contains("pos_emb") || path.ends_with("wpe")
}

/// A convolution whose places become steps: one for each patch of an image. `n_patches` is `None`
/// where nothing tells their number.
fn patches(
    chain: &mut ChainBuilder,
    module: &Module<'_>,
    n_patches: Option<usize>,
) -> Translated<()> {
    let &[filters, channels, rows, columns] = &module.shape("weight")[..] else {
        return Err(unsupported(format!(
            "{} is no kernel of patches",
            module.shown()
        )));
    };
    let side = match n_patches {
        Some(n_patches) => square_side(n_patches)?,
        None => {
            chain.assume("the size of images is not in the weights: one patch is assumed");
            1
        }
    };
    let size = |patch: usize| {
        let size = side.checked_mul(patch);
        size.ok_or_else(|| unsupported("the image is too large"))
    };
    chain.input = vec![channels, size(rows)?, size(columns)?];
    chain.assume(format!(
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
    chain.add_module(module, Layer::Conv2d(layer));
    chain.add_layer(Layer::Steps(Steps {
        of: StepsOf::Places,
    }));
    chain.output = Output::Steps(filters);
    Ok(())
}

/// Patches along each side of a square image.
fn square_side(n_patches: usize) -> Translated<usize> {
    let side = n_patches.isqrt();
    if side == 0 || side * side != n_patches {
        let reason = format!("{n_patches} patches make no square");
        return Err(unsupported(reason));
    }
    Ok(side)
}
