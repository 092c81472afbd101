//! The contents of a PyTorch pickle: tensors by their paths, and numbers and texts beside
//! them.

mod contents;
mod excluded;
mod storage;
mod tensor;

use cntflow_storage::{FormatError, Limits};

use crate::{
    Element, TensorEntry,
    numpy::pickled::{PickleSource, is_numpy_module},
    pickle::{Id, Object, joined},
};

pub(super) use contents::{ElementLocation, PickleContents, PickledTensor};
pub(super) use storage::element_widths;

/// Elements of the state of the first `Variable`s: data, gradient, hooks, and two flags.
const STATE_OF_VARIABLE: usize = 5;

/// Collects everything that the pickle's root holds.
pub(super) fn walk(
    source: PickleSource<'_>,
    limits: &Limits,
) -> Result<PickleContents, FormatError> {
    let mut walk = Walk {
        source,
        limits,
        visits: source.pickle.visit_budget(),
        array_bytes: 0,
        around: Vec::new(),
        contents: PickleContents::default(),
    };
    let root = Position {
        path: "",
        excluded_because: None,
        depth: 0,
    };
    walk.value(source.pickle.root(), root)?;
    excluded::exclude_arrays(&mut walk.contents);
    Ok(walk.contents)
}

/// The state of a walk over a pickle.
struct Walk<'a> {
    source: PickleSource<'a>,
    limits: &'a Limits,
    /// Values that may still be visited; shared values count each time.
    visits: u64,
    /// Bytes of arrays that are in memory.
    array_bytes: u64,
    /// The containers and objects that the walk is in. Some settings refer to those around them.
    around: Vec<Id>,
    contents: PickleContents,
}

/// Where the walk is.
#[derive(Clone, Copy)]
struct Position<'p> {
    /// Keys and indices from the root on, joined by dots; empty at the root.
    path: &'p str,
    /// Why nothing here is a weight, if a key on the path says so.
    excluded_because: Option<&'p str>,
    /// Number of values around this one.
    depth: u64,
}

impl<'p> Position<'p> {
    /// What messages call the path.
    fn shown(self) -> &'p str {
        if self.path.is_empty() {
            "its root"
        } else {
            self.path
        }
    }

    /// One level deeper at the same path.
    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }

    /// The position of a value inside, whose path is `path`.
    fn inside(self, path: &'p str) -> Self {
        Self {
            path,
            ..self.deeper()
        }
    }
}

impl Walk<'_> {
    fn value(&mut self, id: Id, position: Position<'_>) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        self.visits = pickle.spend_visit(self.visits)?;
        FormatError::check_limit(
            format!("levels of {}", position.shown()),
            position.depth,
            "depth",
            self.limits.depth,
        )?;
        if let Some(text) = pickle.plain(id) {
            self.note(position, text);
            return Ok(());
        }
        if self.around.contains(&id) {
            return Ok(());
        }
        self.around.push(id);
        let walked = self.inside(id, position);
        self.around.pop();
        walked
    }

    /// Walks what a container or object holds.
    fn inside(&mut self, id: Id, position: Position<'_>) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        if let Some(pairs) = pickle.pairs(id) {
            return self.pairs(pairs, position);
        }
        if let Some(elements) = pickle.elements_or_members(id) {
            return self.elements(elements, position);
        }
        if let Some((class, object)) = pickle.object(id) {
            return self.object(class, object, position);
        }
        Ok(())
    }

    /// Adds a number or text to the metadata, unless it belongs to something that is no weight, or
    /// is the whole pickle.
    fn note(&mut self, position: Position<'_>, text: String) {
        if position.excluded_because.is_none() && !position.path.is_empty() {
            self.contents
                .metadata
                .insert(position.path.to_owned(), text);
        }
    }

    fn elements(&mut self, elements: &[Id], position: Position<'_>) -> Result<(), FormatError> {
        for (index, &element) in elements.iter().enumerate() {
            let path = joined(position.path, &index.to_string())?;
            self.value(element, position.inside(&path))?;
        }
        Ok(())
    }

    fn pairs(&mut self, pairs: &[(Id, Id)], position: Position<'_>) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        let of_dict = excluded::because_of_keys(pickle, pairs);
        let position = Position {
            excluded_because: position.excluded_because.or(of_dict),
            ..position
        };
        for (index, &(key, value)) in pairs.iter().enumerate() {
            let key = pickle.key(key, index);
            let of_key = excluded::because_of_key(pickle, &key, value, position.depth);
            let path = joined(position.path, &key)?;
            let inside = Position {
                excluded_because: position.excluded_because.or(of_key),
                ..position.inside(&path)
            };
            self.value(value, inside)?;
        }
        Ok(())
    }

    fn object(
        &mut self,
        class: (&str, &str),
        object: &Object,
        position: Position<'_>,
    ) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        let arguments = pickle.elements(object.arguments).unwrap_or_default();
        match class {
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor" | "_rebuild_tensor_v3") => {
                self.tensor(class.1, arguments, position)
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state")
            | ("torch.nn.parameter", "Parameter" | "Buffer")
            | ("torch.autograd.variable", "Variable") => {
                self.parameter(arguments, object, position)
            }
            ("torch._tensor", "_rebuild_from_type_v2") => self.subclass(arguments, position),
            ("torch._utils", name) if name.starts_with("_rebuild") => {
                let kind = name.trim_start_matches("_rebuild_").replace('_', " ");
                self.unreadable(&format!("a {kind}"), position)
            }
            (module, _) if is_numpy_module(module) => self.numpy(class, object, position),
            _ => self.other(class, object, position),
        }
    }

    /// A parameter, whose data is the first argument. Before PyTorch 0.4 parameters were made by
    /// their class, and some have the data in their state instead.
    fn parameter(
        &mut self,
        arguments: &[Id],
        object: &Object,
        position: Position<'_>,
    ) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        let state = object.state.and_then(|state| pickle.elements(state));
        let of_state = state.filter(|state| state.len() == STATE_OF_VARIABLE);
        match arguments.first().or_else(|| of_state?.first()) {
            Some(data) => self.value(*data, position.deeper()),
            None => Err(FormatError::broken(format!(
                "parameter {} has no data",
                position.shown()
            ))),
        }
    }

    /// An instance of a subclass of `Tensor`: the function that rebuilds it, the class, and the
    /// function's arguments.
    fn subclass(&mut self, arguments: &[Id], position: Position<'_>) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        if let [function, _, inner, ..] = arguments
            && let Some((_, function)) = pickle.class(*function)
            && let Some(inner) = pickle.elements(*inner)
        {
            return self.tensor(function, inner, position);
        }
        self.unreadable("a tensor of an unknown subclass of Tensor", position)
    }

    /// Walks an object of another class. Of a module: its parameters, buffers and modules. Of any
    /// other object: its state, pairs and items.
    fn other(
        &mut self,
        class: (&str, &str),
        object: &Object,
        position: Position<'_>,
    ) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        let state = object.state.and_then(|state| pickle.pairs(state));
        let module = state.filter(|state| pickle.get(state, "_modules").is_some());
        if let Some(module) = module {
            for part in ["_parameters", "_buffers", "_modules"] {
                let pairs = pickle.get(module, part).and_then(|part| pickle.pairs(part));
                if let Some(pairs) = pairs {
                    self.pairs(pairs, position.deeper())?;
                }
            }
            return Ok(());
        }
        if state.is_none() && object.items.is_empty() && object.pairs.is_empty() {
            let what = format!("an object of {}.{}", class.0, class.1);
            return self.unreadable(&what, position);
        }
        self.pairs(state.unwrap_or_default(), position.deeper())?;
        self.pairs(&object.pairs, position.deeper())?;
        self.elements(&object.items, position.deeper())
    }

    /// Lists a tensor that cannot be read, with the reason. One without elements stands for it.
    fn unreadable(&mut self, what: &str, position: Position<'_>) -> Result<(), FormatError> {
        let reason = format!("{what}: not read");
        let position = Position {
            excluded_because: position.excluded_because.or(Some(&reason)),
            ..position
        };
        self.add(
            vec![0],
            Element::F32,
            ElementLocation::Unreadable(reason.clone()),
            position,
        )
    }

    /// Lists a tensor.
    fn add(
        &mut self,
        shape: Vec<usize>,
        element: Element,
        elements: ElementLocation,
        position: Position<'_>,
    ) -> Result<(), FormatError> {
        let name = if position.path.is_empty() {
            "tensor"
        } else {
            position.path
        };
        self.contents.tensors.push(PickledTensor {
            entry: TensorEntry {
                name: name.to_owned(),
                shape,
                element,
                excluded_because: position.excluded_because.map(str::to_owned),
            },
            elements,
        });
        let count = self.contents.tensors.len() as u64;
        FormatError::check_limit("tensors", count, "tensors", self.limits.tensors)
    }
}
