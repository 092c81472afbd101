//! Names of layers: after the module that their tensors belong to, after their node, or by their
//! number.

use cntflow_formats::onnx::node::Node;

use super::translator::Translator;

impl<'a> Translator<'_, 'a> {
    /// A name for a layer: of the module of its tensors where they are named after one, else of its
    /// node, else by its number.
    pub(super) fn layer_name(&mut self, tensors: &[&str], node: &Node<'a>) -> String {
        let module = tensors.iter().find_map(|tensor| module_of_tensor(tensor));
        // A module that is used twice makes two layers: the second is named after its node.
        let module = module.filter(|module| !self.builder.has_name(module));
        let name = module
            .map(str::to_owned)
            .or_else(|| module_of_node(node.name))
            .unwrap_or_else(|| format!("layer{}", self.builder.n_layers()));
        self.builder.unique_name(&name)
    }

    /// A name for an attention: of the module above its output projection, else of the one that
    /// holds its joint projection.
    pub(super) fn attention_name(
        &mut self,
        output_weight: &str,
        projection: &[&str],
        node: &Node<'a>,
    ) -> String {
        let above_output = || {
            let (module, _) = output_weight.strip_suffix(".weight")?.rsplit_once('.')?;
            Some(module)
        };
        let of_projection = || {
            let mut names = projection.iter();
            names.find_map(|name| Some(name.split_once(".in_proj_")?.0))
        };
        match above_output().or_else(of_projection) {
            Some(module) => self.builder.unique_name(module),
            None => self.layer_name(&[], node),
        }
    }
}

/// The module that a tensor of a state dict belongs to.
pub(super) fn module_of_tensor(tensor: &str) -> Option<&str> {
    let module = tensor.strip_suffix(".weight");
    let module = module.or_else(|| tensor.strip_suffix(".bias"));
    module.or_else(|| {
        let (module, parameter) = tensor.rsplit_once('.')?;
        let stems = [
            "weight_ih_l",
            "weight_hh_l",
            "bias_ih_l",
            "bias_hh_l",
            "in_proj_",
        ];
        let is_known = stems.iter().any(|stem| parameter.starts_with(stem));
        is_known.then_some(module)
    })
}

/// The module that PyTorch's first exporter names a node after: `/encoder/fc/Gemm` is in
/// `encoder.fc`. Other names stay as they are.
pub(super) fn module_of_node(node: &str) -> Option<String> {
    let scope = node
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'));
    let name = scope.map_or_else(|| node.to_owned(), |(module, _)| module.replace('/', "."));
    (!name.is_empty()).then_some(name)
}
