//! The messages of an ONNX file: the model, its graphs with their nodes, and the tensors in them.

use std::collections::{BTreeMap, HashSet};

use cntflow_storage::{FormatError, Limits};

use super::field;
use super::node::Node;
use super::tensor::{ElementLocation, Tensor, sizes_of, text_pair};
use super::wire::{Message, Value};
use crate::{Element, tensor_entry::checked_bytes};

/// A tensor as the file lists it.
#[derive(Clone, Debug)]
pub struct ListedTensor<'a> {
    /// The tensor.
    pub tensor: Tensor<'a>,
    /// Its name among all tensors of the file.
    pub name: String,
    /// The graph that it belongs to, by its index in [`Model::graphs`]; `None` in functions and in
    /// what only training uses.
    pub graph: Option<usize>,
    /// Why it is no weight of the graph.
    pub excluded_because: Option<String>,
}

/// What a model holds.
#[derive(Debug, Default)]
pub struct Model<'a> {
    /// Tensors of the graph, then those of graphs within it.
    pub tensors: Vec<ListedTensor<'a>>,
    /// The model's own graph, then those that its nodes hold: branches, and bodies of loops. One
    /// stands behind the graph of its node.
    pub graphs: Vec<Graph<'a>>,
    /// Versions, the producer and what the exporter has added, as texts.
    pub metadata: BTreeMap<String, String>,
    /// Bytes of all nodes and tensors, elements not counted: compared with `header_bytes`.
    structure_bytes: u64,
    /// Nodes of all graphs that are kept: compared with `tensors`.
    n_nodes: u64,
    /// Graphs that nodes hold: compared with `tensors`.
    n_held: u64,
    /// Names of the tensors so far.
    names: HashSet<String>,
}

/// A graph of operators.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    /// The node that holds it; `None` for the model's own graph.
    pub holder: Option<Holder<'a>>,
    /// The operators, in the file's order.
    pub nodes: Vec<Node<'a>>,
    /// The inputs of the graph.
    pub inputs: Vec<Input<'a>>,
    /// Names of the outputs of the graph.
    pub outputs: Vec<&'a str>,
}

/// The node that holds a graph.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The graph of the node, by its index in [`Model::graphs`].
    pub graph: usize,
    /// The node's index in that graph.
    pub node: usize,
    /// The attribute that holds the graph: `then_branch`, `body`, ...
    pub attribute: &'a str,
}

/// An input of the graph.
#[derive(Debug)]
pub struct Input<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its sizes; `None` for a symbol such as the number of images.
    pub sizes: Vec<Option<i64>>,
}

/// A graph or function that is still to be walked.
struct Scope<'a> {
    message: Message<'a>,
    /// Number of the field that holds its nodes: [`field::graph::NODE`] or
    /// [`field::function::NODE`].
    node_field: u64,
    /// Its depth: 1 for a graph or function that is in no other.
    depth: u64,
    /// What it is in messages; empty for the model's graph.
    label: String,
    /// Where its nodes are kept, by the index in [`Model::graphs`]; `None` if they are not.
    graph: Option<usize>,
}

impl<'a> Scope<'a> {
    /// A graph or function that is in no other one.
    fn outermost(message: Message<'a>, node_field: u64, label: &str) -> Self {
        Self {
            message,
            node_field,
            depth: 1,
            label: label.to_owned(),
            graph: None,
        }
    }

    /// Whether it may have tensors: functions have none.
    fn is_graph(&self) -> bool {
        self.node_field == field::graph::NODE
    }
}

impl<'a> Model<'a> {
    /// Walks the model in a file, and all graphs in it.
    ///
    /// # Errors
    /// A message is broken or cut short, a tensor does not fit its shape, the file has not one
    /// graph, or it asks for more than `limits` allow.
    pub fn read(file: &'a [u8], limits: &Limits) -> Result<Self, FormatError> {
        let mut model = Self::default();
        let mut scopes = Vec::new();
        let mut operator_sets = Vec::new();
        let mut graphs = 0;
        for field in Message::whole(file).fields() {
            let field = field?;
            match field.number {
                field::model::IR_VERSION => {
                    let version = field.value.varint()?.to_string();
                    model.metadata.insert("ir_version".to_owned(), version);
                }
                field::model::PRODUCER_NAME => model.describe("producer_name", field.value)?,
                field::model::PRODUCER_VERSION => {
                    model.describe("producer_version", field.value)?;
                }
                field::model::DOMAIN => model.describe("domain", field.value)?,
                field::model::DOC_STRING => model.describe("doc_string", field.value)?,
                field::model::GRAPH => {
                    graphs += 1;
                    let graph = Scope::outermost(field.value.message()?, field::graph::NODE, "");
                    let graph = Scope {
                        graph: Some(0),
                        ..graph
                    };
                    scopes.insert(0, graph);
                }
                field::model::OPSET_IMPORT => {
                    operator_sets.push(operator_set(field.value.message()?)?)
                }
                field::model::METADATA_PROPS => {
                    let (key, value) = text_pair(field.value.message()?)?;
                    model.metadata.insert(key.to_owned(), value.to_owned());
                }
                field::model::TRAINING_INFO => scopes.extend(training(field.value.message()?)?),
                field::model::FUNCTIONS => {
                    let function = field.value.message()?;
                    let node_field = field::function::NODE;
                    scopes.push(Scope::outermost(function, node_field, "a function"));
                }
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
        model.graphs.push(Graph::default());
        // The model's graph is first among them, and is walked first.
        scopes.reverse();
        while let Some(scope) = scopes.pop() {
            model.walk(&scope, &mut scopes, limits)?;
        }
        Ok(model)
    }

    /// Adds a text to the metadata unless it is empty.
    fn describe(&mut self, key: &str, value: Value<'a>) -> Result<(), FormatError> {
        let text = value.text()?;
        if !text.is_empty() {
            self.metadata.insert(key.to_owned(), text.to_owned());
        }
        Ok(())
    }

    /// Lists the nodes and tensors of a scope; graphs in its nodes are added to `scopes`.
    fn walk(
        &mut self,
        scope: &Scope<'a>,
        scopes: &mut Vec<Scope<'a>>,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        FormatError::check_limit("levels of graphs", scope.depth, "depth", limits.depth)?;
        self.count(scope, limits)?;
        for field in scope.message.fields() {
            let field = field?;
            match field.number {
                number if number == scope.node_field => {
                    let node = self.node(field.value.message()?, scope, scopes, limits)?;
                    if let Some(graph) = self.kept(scope) {
                        graph.nodes.push(node);
                    }
                }
                field::graph::INITIALIZER if scope.is_graph() => {
                    let tensor = Tensor::read(field.value.message()?, None, limits)?;
                    self.list(tensor, field.value, scope, limits)?;
                }
                field::graph::SPARSE_INITIALIZER if scope.is_graph() => {
                    let tensor = sparse(field.value.message()?, limits)?;
                    self.list(tensor, field.value, scope, limits)?;
                }
                field::graph::INPUT if scope.graph.is_some() => {
                    let input = value_info(field.value.message()?)?;
                    if let Some(graph) = self.kept(scope) {
                        graph.inputs.push(input);
                    }
                }
                field::graph::OUTPUT if scope.graph.is_some() => {
                    let output = value_info(field.value.message()?)?;
                    if let Some(graph) = self.kept(scope) {
                        graph.outputs.push(output.name);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The model's own graph.
    pub fn graph(&self) -> &Graph<'a> {
        // `read` has made it.
        &self.graphs[0]
    }

    /// Where the nodes of a scope are kept.
    fn kept(&mut self, scope: &Scope<'a>) -> Option<&mut Graph<'a>> {
        self.graphs.get_mut(scope.graph?)
    }

    /// Counts a graph's nodes and tensors before memory is taken for them.
    fn count(&mut self, scope: &Scope<'a>, limits: &Limits) -> Result<(), FormatError> {
        let (mut nodes, mut tensors) = (0, self.tensors.len() as u64);
        for field in scope.message.fields() {
            match field?.number {
                number if number == scope.node_field => nodes += 1,
                field::graph::INITIALIZER | field::graph::SPARSE_INITIALIZER
                    if scope.is_graph() =>
                {
                    tensors += 1;
                }
                _ => {}
            }
        }
        if scope.graph.is_some() {
            self.n_nodes += nodes;
            nodes = self.n_nodes;
        }
        FormatError::check_limit("nodes", nodes, "tensors", limits.tensors)?;
        FormatError::check_limit("tensors", tensors, "tensors", limits.tensors)
    }

    /// Reads a node, and lists the tensors that it holds.
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
                    (field::attribute::G | field::attribute::GRAPHS, _) => {
                        let message = field.value.message()?;
                        // Its own nodes and tensors are counted when it is walked.
                        data_bytes += message.span.len();
                        self.n_held += 1;
                        let limit = limits.tensors;
                        FormatError::check_limit("graphs", self.n_held, "tensors", limit)?;
                        scopes.push(Scope {
                            message,
                            node_field: field::graph::NODE,
                            depth: scope.depth + 1,
                            label: format!("a graph within node {}", node.shown()),
                            graph: self.held_graph(scope, name),
                        });
                        continue;
                    }
                    (field::attribute::T, "Constant") => {
                        let output = node.outputs.first().copied();
                        Tensor::read(field.value.message()?, output, limits)?
                    }
                    (field::attribute::SPARSE_TENSOR, "Constant") => {
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

    /// A graph for the nodes that an attribute of the scope's next node holds; its index. `None` if
    /// the scope's own nodes are not kept.
    fn held_graph(&mut self, scope: &Scope<'a>, attribute: &'a str) -> Option<usize> {
        let graph = scope.graph?;
        let node = self.graphs.get(graph)?.nodes.len();
        self.graphs.push(Graph {
            holder: Some(Holder {
                graph,
                node,
                attribute,
            }),
            ..Graph::default()
        });
        Some(self.graphs.len() - 1)
    }

    /// Lists a tensor, under a name that no other one has.
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
        let mut excluded_because = tensor.unread_because.clone();
        if scope.graph.is_none() {
            excluded_because.get_or_insert_with(|| format!("of {}", scope.label));
        }
        let name = self.unique_name(tensor.name, scope, found);
        excluded_because = excluded_because.or_else(|| exclusion_of_type(tensor.element));
        self.names.insert(name.clone());
        self.tensors.push(ListedTensor {
            tensor,
            name,
            graph: scope.graph,
            excluded_because,
        });
        Ok(())
    }

    /// A name for the tensor that is the file's `number`th. Names are unique within a graph only:
    /// in a graph within the graph, node and attribute tell those apart that were there before.
    fn unique_name(&self, name: &str, scope: &Scope<'a>, number: u64) -> String {
        let is_models_graph = scope.graph == Some(0);
        if is_models_graph || (scope.graph.is_some() && !self.names.contains(name)) {
            return name.to_owned();
        }
        let graph = scope.graph.and_then(|graph| self.graphs.get(graph));
        let holder = graph.and_then(|graph| graph.holder);
        let named = holder.and_then(|holder| {
            let node = self.graphs.get(holder.graph)?.nodes.get(holder.node)?;
            let node = match (node.name, node.outputs.first()) {
                ("", Some(output)) => output,
                (name, _) => name,
            };
            Some(format!("{node}.{}.{name}", holder.attribute))
        });
        named
            .filter(|named| !self.names.contains(named))
            .unwrap_or_else(|| format!("{}#{number}.{name}", scope.depth))
    }

    /// Counts bytes of structure, and compares them with the limit.
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

/// Why elements of a type are no weights; `None` if they may be.
pub(super) fn exclusion_of_type(element: Element) -> Option<String> {
    let is_real = element.is_real();
    (!is_real).then(|| format!("of type {element}, which is not read as weights"))
}

/// Reads a `ValueInfoProto`.
fn value_info(message: Message<'_>) -> Result<Input<'_>, FormatError> {
    let mut input = Input {
        name: "",
        sizes: Vec::new(),
    };
    for field in message.fields() {
        let field = field?;
        match field.number {
            field::value_info::NAME => input.name = field.value.text()?,
            field::value_info::TYPE => {
                let tensor = inner(field.value.message()?, field::value_info::TENSOR_TYPE)?;
                let shape = tensor
                    .map(|tensor| inner(tensor, field::value_info::SHAPE))
                    .transpose()?
                    .flatten();
                for size in shape.iter().flat_map(|shape| shape.fields()) {
                    let mut fields = size?.value.message()?.fields();
                    let size = fields.find_map(|field| match field {
                        Ok(field) if field.number == field::value_info::DIM_VALUE => {
                            Some(field.value.varint())
                        }
                        _ => None,
                    });
                    input.sizes.push(size.transpose()?.map(|size| size as i64));
                }
            }
            _ => {}
        }
    }
    Ok(input)
}

/// The message in the last field with this number.
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

/// Name and version of an `OperatorSetIdProto`.
fn operator_set(message: Message<'_>) -> Result<String, FormatError> {
    let (mut domain, mut version) = ("ai.onnx", 0);
    for field in message.fields() {
        let field = field?;
        match field.number {
            field::operator_set::DOMAIN => domain = field.value.text()?,
            field::operator_set::VERSION => version = field.value.varint()?,
            _ => {}
        }
    }
    let domain = if domain.is_empty() { "ai.onnx" } else { domain };
    Ok(format!("{domain} {version}"))
}

/// The graphs of a `TrainingInfoProto`.
fn training(message: Message<'_>) -> Result<Vec<Scope<'_>>, FormatError> {
    let mut scopes = Vec::new();
    for number in [
        field::training_info::INITIALIZATION,
        field::training_info::ALGORITHM,
    ] {
        let graph = inner(message, number)?;
        let label = "the training information";
        scopes.extend(graph.map(|graph| Scope::outermost(graph, field::graph::NODE, label)));
    }
    Ok(scopes)
}

/// A `SparseTensorProto` as a tensor whose elements are not read.
fn sparse<'a>(message: Message<'a>, limits: &Limits) -> Result<Tensor<'a>, FormatError> {
    let values = inner(message, field::sparse_tensor::VALUES)?
        .ok_or_else(|| FormatError::broken("a sparse tensor has no values"))?;
    let mut tensor = Tensor::read(values, None, limits)?;
    let mut sizes = Vec::new();
    for field in message.fields() {
        let field = field?;
        if field.number == field::sparse_tensor::DIMS {
            field.value.integers(&mut sizes, 64)?;
        }
    }
    tensor.shape = sizes_of(tensor.name, &sizes)?;
    checked_bytes(tensor.name, &tensor.shape, tensor.element)?;
    tensor.source = ElementLocation::Nowhere;
    tensor.file_beside = "";
    tensor.unread_because = Some("a sparse tensor: not read".to_owned());
    Ok(tensor)
}

/// The floats of a `Constant` node's attribute as a tensor.
fn floats<'a>(attribute: Message<'a>, node: &Node<'a>) -> Result<Tensor<'a>, FormatError> {
    let mut bytes = 0;
    for field in attribute.fields() {
        let field = field?;
        if let (field::attribute::FLOATS, Value::Fixed(data) | Value::Bytes(data)) =
            (field.number, field.value)
        {
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
        source: ElementLocation::Fields {
            message: attribute.span,
            number: field::attribute::FLOATS,
        },
        file_beside: "",
        unread_because: None,
        data_bytes: bytes,
    })
}
