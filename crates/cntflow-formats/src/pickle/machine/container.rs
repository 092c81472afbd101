//! Opcodes that make tuples, lists, dictionaries, sets, classes and objects.

use cntflow_storage::FormatError;

use super::Machine;
use crate::pickle::{Id, Object, Value, opcode::*};

impl Machine<'_> {
    /// Runs an opcode that makes or fills a container; any other opcode is handed to
    /// [`Machine::object`].
    pub(super) fn container(&mut self, opcode: u8, offset: usize) -> Result<(), FormatError> {
        match opcode {
            EMPTY_TUPLE => self.push(Value::Tuple(Vec::new())),
            TUPLE1 | TUPLE2 | TUPLE3 => {
                let elements = self.pop_many(usize::from(opcode - TUPLE1) + 1)?;
                self.push(Value::Tuple(elements))
            }
            TUPLE => {
                let elements = self.pop_mark()?;
                self.push(Value::Tuple(elements))
            }
            EMPTY_LIST => self.push(Value::List(Vec::new())),
            LIST => {
                let elements = self.pop_mark()?;
                self.push(Value::List(elements))
            }
            EMPTY_DICT => self.push(Value::Dict(Vec::new())),
            DICT => {
                let elements = self.pop_mark()?;
                self.push(Value::Dict(pairs(&elements)?))
            }
            EMPTY_SET => self.push(Value::Set(Vec::new())),
            FROZENSET => {
                let elements = self.pop_mark()?;
                self.push(Value::Set(elements))
            }
            APPEND => {
                let element = self.pop()?;
                self.extend(&[element])
            }
            APPENDS | ADDITEMS => {
                let elements = self.pop_mark()?;
                self.extend(&elements)
            }
            SETITEM => {
                let pair = self.pop_many(2)?;
                self.insert(&pair)
            }
            SETITEMS => {
                let elements = self.pop_mark()?;
                self.insert(&elements)
            }
            _ => self.object(opcode, offset),
        }
    }

    /// Runs an opcode that names a class, makes an object or fills it.
    fn object(&mut self, opcode: u8, offset: usize) -> Result<(), FormatError> {
        match opcode {
            GLOBAL => {
                let (module, name) = (self.input.line()?.to_owned(), self.input.line()?.to_owned());
                self.push(Value::Class { module, name })
            }
            STACK_GLOBAL => {
                let named = self.pop_many(2)?;
                let [module, name] =
                    [named[0], named[1]].map(|id| match &self.values[id.0 as usize] {
                        Value::Text(text) => Ok(text.clone()),
                        _ => Err(FormatError::broken(format!(
                            "its pickle names a class at byte {offset} by a value that is no text"
                        ))),
                    });
                self.push(Value::Class {
                    module: module?,
                    name: name?,
                })
            }
            // The number of a class in a registry outside of the file, of 1, 2 or 4 bytes.
            EXT1 | EXT2 | EXT4 => {
                let number = self.input.unsigned(1 << (opcode - EXT1))?;
                let (module, name) = ("copyreg".to_owned(), format!("extension {number}"));
                self.push(Value::Class { module, name })
            }
            REDUCE | NEWOBJ => {
                let called = self.pop_many(2)?;
                self.call(called[0], called[1])
            }
            NEWOBJ_EX => {
                // The third value, the keyword arguments, is not needed for any class that is read.
                let called = self.pop_many(3)?;
                self.call(called[0], called[1])
            }
            INST => {
                let (module, name) = (self.input.line()?.to_owned(), self.input.line()?.to_owned());
                let arguments = self.pop_mark()?;
                let class = self.store(Value::Class { module, name })?;
                let arguments = self.store(Value::Tuple(arguments))?;
                self.call(class, arguments)
            }
            OBJ => {
                let mut elements = self.pop_mark()?;
                if elements.is_empty() {
                    return Err(FormatError::broken(format!(
                        "its pickle makes an object of no class at byte {offset}"
                    )));
                }
                let class = elements.remove(0);
                let arguments = self.store(Value::Tuple(elements))?;
                self.call(class, arguments)
            }
            BUILD => {
                let state = self.pop()?;
                let top = self.top()?;
                // Only objects have a state here; Python would set attributes of other values,
                // which hold no tensors.
                if let Value::Object(object) = &mut self.values[top.0 as usize] {
                    object.state = Some(state);
                }
                Ok(())
            }
            PERSID => {
                let name = Value::Text(self.input.line()?.to_owned());
                let name = self.store(name)?;
                self.push(Value::Persistent(name))
            }
            BINPERSID => {
                let name = self.pop()?;
                self.push(Value::Persistent(name))
            }
            _ => Err(FormatError::broken(format!(
                "byte {offset} of its pickle is {opcode:#04x}, which is no opcode that is known"
            ))),
        }
    }

    /// Pushes the object that calling the class would make.
    ///
    /// Python 2 gives an `OrderedDict` its pairs as an argument: a list of lists of two. A module
    /// that `torch.fx` has traced is made by a function whose first argument is the module's state.
    fn call(&mut self, class: Id, arguments: Id) -> Result<(), FormatError> {
        let first = self
            .elements(arguments)
            .and_then(|list| list.first().copied());
        let (mut pairs, mut state) = (Vec::new(), None);
        match &self.values[class.0 as usize] {
            Value::Class { module, name } if module == "collections" && name == "OrderedDict" => {
                let given = first
                    .and_then(|list| self.elements(list))
                    .unwrap_or_default();
                let given = given.iter().filter_map(|&pair| match self.elements(pair) {
                    Some(&[key, value]) => Some((key, value)),
                    _ => None,
                });
                pairs = given.collect();
                self.given_pairs += pairs.len();
                if self.given_pairs > self.values.len() {
                    return Err(self.misplaced("gives one list of pairs to many dictionaries"));
                }
            }
            Value::Class { module, name }
                if module == "torch.fx.graph_module" && name.starts_with("reduce_") =>
            {
                state = first;
            }
            _ => {}
        }
        self.push(Value::Object(Box::new(Object {
            class,
            arguments,
            state,
            items: Vec::new(),
            pairs,
        })))
    }

    /// The elements of a tuple or list.
    fn elements(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id.0 as usize] {
            Value::Tuple(elements) | Value::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// Appends elements to the list, set or object on top.
    fn extend(&mut self, elements: &[Id]) -> Result<(), FormatError> {
        let top = self.top()?;
        match &mut self.values[top.0 as usize] {
            Value::List(list) | Value::Set(list) => list.extend_from_slice(elements),
            Value::Object(object) => object.items.extend_from_slice(elements),
            _ => return Err(self.misplaced("appends to a value that is no list")),
        }
        Ok(())
    }

    /// Adds keys and values, which alternate, to the dictionary or object on top.
    fn insert(&mut self, elements: &[Id]) -> Result<(), FormatError> {
        let more = pairs(elements)?;
        let top = self.top()?;
        match &mut self.values[top.0 as usize] {
            Value::Dict(pairs) => pairs.extend(more),
            Value::Object(object) => object.pairs.extend(more),
            _ => return Err(self.misplaced("puts pairs into a value that is no dictionary")),
        }
        Ok(())
    }
}

/// Keys and values, which alternate, as pairs.
fn pairs(elements: &[Id]) -> Result<Vec<(Id, Id)>, FormatError> {
    match elements.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => Err(FormatError::broken(format!(
            "its pickle has {} keys and values, an odd number",
            elements.len()
        ))),
    }
}
