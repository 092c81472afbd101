//! The messages of an ONNX file: the model, its graphs with their nodes, and the tensors in them, by the field numbers of `onnx.proto`.

use std::collections::BTreeMap;

use super::node::Node;
use super::tensor::{Source, Tensor, text_pair};
use super::wire::{Message, Value};
use crate::Element;
use crate::format::checked_bytes;
use cntflow_storage::FormatError;
use cntflow_storage::Limits;

/// Number of the field `floats` of an attribute.
pub const FLOATS: u64 = 7;

/// A tensor with its place in the model.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    pub tensor: Tensor<'a>,
    /// Its name among all tensors of the file.
    pub name: String,
    /// Why it is no weight of the graph.
    pub excluded_because: Option<String>,
}

/// What a model holds.
#[derive(Debug, Default)]
pub struct Model<'a> {
    /// Tensors of the graph, then those of graphs within it.
    pub tensors: Vec<Listed<'a>>,
    pub graph: Graph<'a>,
    pub metadata: BTreeMap<String, String>,
    structure_bytes: u64,
}

/// The model's graph.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    pub nodes: Vec<Node<'a>>,
    pub inputs: Vec<Input<'a>>,
    pub outputs: Vec<&'a str>,
}

/// An input of the graph: its name and sizes, `None` where a size is a symbol.
#[derive(Debug)]
pub struct Input<'a> {
    pub name: &'a str,
    pub sizes: Vec<Option<i64>>,
}

/// A graph that is still to be walked.
struct Scope<'a> {
    message: Message<'a>,
    /// Number of the field that holds its nodes: that of a graph or that of a function.
    nodes: u64,
    depth: u64,
    /// What it is; empty of the model's graph.
    label: String,
}

impl<'a> Model<'a> {
    pub fn read(file: &'a [u8], limits: &Limits) -> Result<Self, FormatError> {
        let mut model = Self::default();
        let mut scopes = Vec::new();
        let mut operator_sets = Vec::new();
        let mut graphs = 0;
        let scope = |message, nodes, label: &str| Scope {
            message,
            nodes,
            depth: 1,
            label: label.to_owned(),
        };
        for field in Message::whole(file).fields() {
            let field = field?;
            match field.number {
                1 => {
                    let version = field.value.varint()?.to_string();
                    model.metadata.insert("ir_version".to_owned(), version);
                }
                2 => model.describe("producer_name", field.value)?,
                3 => model.describe("producer_version", field.value)?,
                4 => model.describe("domain", field.value)?,
                6 => model.describe("doc_string", field.value)?,
                7 => {
                    graphs += 1;
                    scopes.insert(0, scope(field.value.message()?, 1, ""));
                }
                8 => operator_sets.push(operator_set(field.value.message()?)?),
                14 => {
                    let (key, value) = text_pair(field.value.message()?)?;
                    model.metadata.insert(key.to_owned(), value.to_owned());
                }
                20 => scopes.extend(training(field.value.message()?)?),
                25 => scopes.push(scope(field.value.message()?, 7, "a function")),
                _ => {}
            }
        }
        if graphs != 1 {
            return Err(FormatError::broken(format!(
                "it has {graphs} graphs, not 1"
            )));
        }
        if operator_sets.is_empty() {
            return Err(FormatError::broken(
                "it lists no operator set (cut short before it?)",
            ));
        }
        let sets = operator_sets.join(", ");
        model.metadata.insert("opset".to_owned(), sets);
        scopes.reverse();
        while let Some(scope) = scopes.pop() {
            model.walk(&scope, &mut scopes, limits)?;
        }
        Ok(model)
    }

    fn describe(&mut self, key: &str, value: Value<'a>) -> Result<(), FormatError> {
        let text = value.text()?;
        if !text.is_empty() {
            self.metadata.insert(key.to_owned(), text.to_owned());
        }
        Ok(())
    }

    fn walk(
        &mut self,
        scope: &Scope<'a>,
        scopes: &mut Vec<Scope<'a>>,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        FormatError::check_limit("levels of graphs", scope.depth, "depth", limits.depth)?;
        self.count(scope, limits)?;
        let outermost = scope.label.is_empty();
        for field in scope.message.fields() {
            let field = field?;
            match field.number {
                number if number == scope.nodes => {
                    let node = self.node(field.value.message()?, scope, scopes, limits)?;
                    if outermost {
                        self.graph.nodes.push(node);
                    }
                }
                5 if scope.nodes == 1 => {
                    let tensor = Tensor::read(field.value.message()?, None, limits)?;
                    self.list(tensor, field.value, scope, limits)?;
                }
                15 if scope.nodes == 1 => {
                    let tensor = sparse(field.value.message()?, limits)?;
                    self.list(tensor, field.value, scope, limits)?;
                }
                11 if outermost => {
                    let input = input(field.value.message()?)?;
                    self.graph.inputs.push(input);
                }
                12 if outermost => self.graph.outputs.push(input(field.value.message()?)?.name),
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts a graph's nodes and tensors before memory is taken for them.
    fn count(&self, scope: &Scope<'a>, limits: &Limits) -> Result<(), FormatError> {
        let (mut nodes, mut tensors) = (0, self.tensors.len() as u64);
        for field in scope.message.fields() {
            match field?.number {
                number if number == scope.nodes => nodes += 1,
                5 | 15 if scope.nodes == 1 => tensors += 1,
                _ => {}
            }
        }
        FormatError::check_limit("nodes", nodes, "tensors", limits.tensors)?;
        FormatError::check_limit("tensors", tensors, "tensors", limits.tensors)
    }

    fn node(
        &mut self,
        message: Message<'a>,
        scope: &Scope<'a>,
        scopes: &mut Vec<Scope<'a>>,
        limits: &Limits,
    ) -> Result<Node<'a>, FormatError> {
        let node = Node::read(message)?;
        let mut data_bytes = 0_usize;
        for &(name, attribute) in &node.attributes {
            for field in attribute.fields() {
                let field = field?;
                let tensor = match (field.number, node.operator) {
                    (6 | 11, _) => {
                        let message = field.value.message()?;
                        // Its own nodes and tensors are counted when it is walked.
                        data_bytes += message.span.len();
                        scopes.push(Scope {
                            message,
                            nodes: 1,
                            depth: scope.depth + 1,
                            label: format!("a graph within node {}", node.shown()),
                        });
                        continue;
                    }
                    (5, "Constant") => {
                        let output = node.outputs.first().copied();
                        Tensor::read(field.value.message()?, output, limits)?
                    }
                    (22, "Constant") => {
                        let output = node.outputs.first().copied();
                        let values = sparse(field.value.message()?, limits)?;
                        Tensor {
                            name: output.unwrap_or(values.name),
                            ..values
                        }
                    }
                    _ => continue,
                };
                data_bytes += tensor.data_bytes;
                self.list(tensor, field.value, scope, limits)?;
            }
            if name == "value_floats" && node.operator == "Constant" {
                let tensor = floats(attribute, &node)?;
                data_bytes += tensor.data_bytes;
                self.list(tensor, Value::Bytes(attribute), scope, limits)?;
            }
        }
        self.charge(
            message.span.len() - data_bytes.min(message.span.len()),
            limits,
        )?;
        Ok(node)
    }

    fn list(
        &mut self,
        tensor: Tensor<'a>,
        message: Value<'a>,
        scope: &Scope<'a>,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let found = self.tensors.len() as u64 + 1;
        FormatError::check_limit("tensors", found, "tensors", limits.tensors)?;
        let bytes = message.message()?.span.len();
        self.charge(bytes - tensor.data_bytes.min(bytes), limits)?;
        if tensor.name.is_empty() {
            return Err(FormatError::broken(format!(
                "tensor {found} of shape {:?} has no name",
                tensor.shape
            )));
        }
        let (name, within) = match scope.label.is_empty() {
            true => (tensor.name.to_owned(), None),
            false => (
                format!("{}#{}.{}", scope.depth, found, tensor.name),
                Some(format!("of {}", scope.label)),
            ),
        };
        let whole = || {
            let integers = !tensor.element.is_real() && tensor.unread.is_none();
            integers.then(|| "no real weights".to_owned())
        };
        let excluded_because = tensor.unread.clone().or(within).or_else(whole);
        self.tensors.push(Listed {
            tensor,
            name,
            excluded_because,
        });
        Ok(())
    }

    fn charge(&mut self, bytes: usize, limits: &Limits) -> Result<(), FormatError> {
        self.structure_bytes = self.structure_bytes.saturating_add(bytes as u64);
        let found = self.structure_bytes;
        FormatError::check_limit(
            "bytes of its graph",
            found,
            "header_bytes",
            limits.header_bytes,
        )
    }
}

fn input(message: Message<'_>) -> Result<Input<'_>, FormatError> {
    let mut input = Input {
        name: "",
        sizes: Vec::new(),
    };
    for field in message.fields() {
        let field = field?;
        match field.number {
            1 => input.name = field.value.text()?,
            2 => {
                let tensor = inner(field.value.message()?, 1)?;
                let shape = tensor.map(|tensor| inner(tensor, 2)).transpose()?.flatten();
                for size in shape.iter().flat_map(|shape| shape.fields()) {
                    let mut fields = size?.value.message()?.fields();
                    let known = fields.find_map(|field| match field {
                        Ok(field) if field.number == 1 => Some(field.value.varint()),
                        _ => None,
                    });
                    input.sizes.push(known.transpose()?.map(|size| size as i64));
                }
            }
            _ => {}
        }
    }
    Ok(input)
}

/// The message in a field.
fn inner(message: Message<'_>, number: u64) -> Result<Option<Message<'_>>, FormatError> {
    let mut found = None;
    for field in message.fields() {
        let field = field?;
        if field.number == number {
            found = Some(field.value.message()?);
        }
    }
    Ok(found)
}

fn operator_set(message: Message<'_>) -> Result<String, FormatError> {
    let (mut domain, mut version) = ("ai.onnx", 0);
    for field in message.fields() {
        let field = field?;
        match field.number {
            1 => domain = field.value.text()?,
            2 => version = field.value.varint()?,
            _ => {}
        }
    }
    let domain = if domain.is_empty() { "ai.onnx" } else { domain };
    Ok(format!("{domain} {version}"))
}

/// The graphs of a `TrainingInfoProto`.
fn training(message: Message<'_>) -> Result<Vec<Scope<'_>>, FormatError> {
    let mut scopes = Vec::new();
    for number in [1, 2] {
        scopes.extend(inner(message, number)?.map(|message| Scope {
            message,
            nodes: 1,
            depth: 1,
            label: "the training information".to_owned(),
        }));
    }
    Ok(scopes)
}

/// A `SparseTensorProto` as a tensor whose elements are not read.
fn sparse<'a>(message: Message<'a>, limits: &Limits) -> Result<Tensor<'a>, FormatError> {
    let values =
        inner(message, 1)?.ok_or_else(|| FormatError::broken("a sparse tensor has no values"))?;
    let mut tensor = Tensor::read(values, None, limits)?;
    let mut sizes = Vec::new();
    for field in message.fields() {
        let field = field?;
        if field.number == 3 {
            field.value.integers(&mut sizes, 64)?;
        }
    }
    let shape: Result<Vec<usize>, _> = sizes.iter().map(|&size| size.try_into()).collect();
    tensor.shape = shape
        .map_err(|_| FormatError::broken(format!("tensor {} has shape {sizes:?}", tensor.name)))?;
    checked_bytes(tensor.name, &tensor.shape, tensor.element)?;
    tensor.source = Source::Nowhere;
    tensor.unread = Some("a sparse tensor: not read".to_owned());
    Ok(tensor)
}

/// The floats of a `Constant` node's attribute as a tensor.
fn floats<'a>(attribute: Message<'a>, node: &Node<'a>) -> Result<Tensor<'a>, FormatError> {
    let mut bytes = 0;
    for field in attribute.fields() {
        let field = field?;
        if let (FLOATS, Value::Fixed(data) | Value::Bytes(data)) = (field.number, field.value) {
            bytes += data.span.len();
        }
    }
    if !bytes.is_multiple_of(4) {
        return Err(FormatError::broken(format!(
            "the floats of node {} have {bytes} bytes",
            node.shown()
        )));
    }
    Ok(Tensor {
        name: node.outputs.first().copied().unwrap_or_default(),
        shape: vec![bytes / 4],
        element: Element::F32,
        source: Source::Fields {
            message: attribute.span,
            number: FLOATS,
        },
        unread: None,
        data_bytes: bytes,
    })
}
