//! The architecture of a pickled `nn.Sequential`, made from its modules and their attributes.

mod attributes;
mod layer;

use cntflow_formats::pickle::{Id, Pickle};
use cntflow_network::{Architecture, Layer};

use crate::builder::ArchitectureBuilder;
use crate::error::{Translated, TranslationError, unsupported};
use crate::image_size;
use crate::resolved::ResolvedArchitecture;
use attributes::{Module, ModuleInput};

/// Largest image size that is tried. A network that takes even this one is assumed to take any
/// size, so its own size cannot be found.
const MAX_IMAGE_SIZE: usize = 512;

/// The deepest nesting of `nn.Sequential` that is followed.
const MAX_DEPTH: usize = 16;

/// Once this many modules are listed, no further nested `nn.Sequential` is entered. A pickle may
/// list the same child many times, so that few bytes make very many modules.
const MAX_MODULES: usize = 10_000;

/// The architecture of the pickle's root.
///
/// `None` where the root is no `nn.Sequential`: what any other module does with its parts is code,
/// which the file does not hold. `None` too if the size of the images that it takes cannot be
/// found.
pub(crate) fn translate(pickle: &Pickle) -> Option<Translated<ResolvedArchitecture>> {
    let (class, object) = pickle.object(pickle.root())?;
    if class != ("torch.nn.modules.container", "Sequential") {
        return None;
    }
    sequential(pickle, pickle.pairs(object.state?)?).transpose()
}

/// The chain of an `nn.Sequential`'s modules, if the size of its inputs can be found.
fn sequential(pickle: &Pickle, state: &[(Id, Id)]) -> Translated<Option<ResolvedArchitecture>> {
    let mut modules = Vec::new();
    collect_modules(pickle, state, "", &mut modules, 0)?;
    let input = modules.iter().find_map(Module::input);
    let mut builder = ArchitectureBuilder::default();
    for module in &modules {
        match module.layer() {
            Ok(layer) => layer.into_iter().for_each(|layer| builder.add_layer(layer)),
            // Without the attribute no image size can be tried. `None` leaves the file to
            // inference, which does not need the attribute.
            Err(TranslationError::MissingAttribute { .. })
                if matches!(input, Some(ModuleInput::Line(_) | ModuleInput::Image(_))) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    let dense = modules.iter().filter(|module| module.class == "Linear");
    let dense: Vec<&Module<'_>> = dense.collect();
    let (input, axes) = match input {
        None => return Err(unsupported("it has no layer with weights")),
        Some(ModuleInput::Units(units)) => return Ok(Some(finish(builder, vec![units]))),
        Some(ModuleInput::Line(channels)) => (vec![channels, 0], "columns"),
        Some(ModuleInput::Image(channels)) => (vec![channels, 0, 0], "rows and columns"),
    };
    let sizes = fitting_sizes(&dense, builder.layers(), &input);
    let Some(size) = likeliest(&sizes) else {
        return Ok(None);
    };
    if let others @ 1.. = sizes.len() - 1 {
        builder.assume(format!(
            "inputs of {size} {axes}: {others} other sizes fit as well"
        ));
    }
    Ok(Some(finish(builder, sized(&input, size))))
}

fn finish(builder: ArchitectureBuilder, input: Vec<usize>) -> ResolvedArchitecture {
    builder.finish(input, "torch module")
}

/// The input's shape `[channels, 0, ...]` with a size of its images.
fn sized(input: &[usize], size: usize) -> Vec<usize> {
    let mut sized = vec![size; input.len()];
    sized[0] = input[0];
    sized
}

/// Image sizes with which every dense kernel is as wide as its module says; none where there is no
/// dense layer to tell.
fn fitting_sizes(dense: &[&Module<'_>], layers: &[Layer], input: &[usize]) -> Vec<usize> {
    if dense.is_empty() {
        return Vec::new();
    }
    let mut architecture = Architecture {
        input: input.to_vec(),
        layers: layers.to_vec(),
    };
    let mut fits = |&size: &usize| {
        architecture.input = sized(input, size);
        let Ok(tensors) = architecture.tensors() else {
            return false;
        };
        dense.iter().all(|module| {
            let name = format!("{}.weight", module.path);
            let kernel = tensors.iter().find(|tensor| tensor.name == name);
            kernel.map(|kernel| kernel.shape[1]) == module.size("in_features")
        })
    };
    (1..=MAX_IMAGE_SIZE).filter(|size| fits(size)).collect()
}

/// The most common of the sizes that fit, else the smallest; none where images of any size fit.
fn likeliest(sizes: &[usize]) -> Option<usize> {
    if *sizes.last()? == MAX_IMAGE_SIZE {
        return None;
    }
    Some(sizes[image_size::preferred(sizes).unwrap_or(0)])
}

/// Lists all modules of an `nn.Sequential` and of those nested in it.
fn collect_modules<'p>(
    pickle: &'p Pickle,
    state: &'p [(Id, Id)],
    path: &str,
    modules: &mut Vec<Module<'p>>,
    depth: usize,
) -> Translated<()> {
    if depth > MAX_DEPTH || modules.len() > MAX_MODULES {
        return Err(unsupported(format!(
            "it has more than {MAX_MODULES} modules, or nests nn.Sequential more than {MAX_DEPTH} deep"
        )));
    }
    let children = pickle
        .get(state, "_modules")
        .and_then(|children| pickle.pairs(children))
        .unwrap_or_default();
    for &(key, child) in children {
        let key = pickle.plain(key).unwrap_or_default();
        let path = if path.is_empty() {
            key
        } else {
            format!("{path}.{key}")
        };
        let object = pickle
            .object(child)
            .and_then(|(class, object)| Some((class, pickle.pairs(object.state?)?)));
        let ((python_module, class), state) =
            object.ok_or_else(|| unsupported(format!("{path} is no module")))?;
        if !python_module.starts_with("torch.nn.modules.") {
            return Err(unsupported(format!(
                "what {python_module}.{class} ({path}) does is code, which the file does not hold"
            )));
        }
        if class == "Sequential" {
            collect_modules(pickle, state, &path, modules, depth + 1)?;
        } else {
            modules.push(Module {
                pickle,
                path,
                class,
                state,
            });
        }
    }
    Ok(())
}
