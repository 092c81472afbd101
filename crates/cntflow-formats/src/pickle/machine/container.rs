//! Lists, dictionaries, classes and objects.

use super::{Done, Machine};
use crate::pickle::{Id, Object, Value};
use cntflow_storage::FormatError;

impl Machine<'_> {
    /// Lists, dictionaries, classes and objects.
    pub(super) fn container(&mut self, opcode: u8, at: usize) -> Done {
        match opcode {
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let elements = self.pop_many(usize::from(opcode - 0x84))?;
                self.push(Value::Tuple(elements))
            }
            b't' => {
                let elements = self.pop_mark()?;
                self.push(Value::Tuple(elements))
            }
            b']' => self.push(Value::List(Vec::new())),
            b'l' => {
                let elements = self.pop_mark()?;
                self.push(Value::List(elements))
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b'd' => {
                let elements = self.pop_mark()?;
                self.push(Value::Dict(pairs(&elements)?))
            }
            0x8f => self.push(Value::Set(Vec::new())),
            0x91 => {
                let elements = self.pop_mark()?;
                self.push(Value::Set(elements))
            }
            b'a' => {
                let element = self.pop()?;
                self.extend(&[element])
            }
            b'e' | 0x90 => {
                let elements = self.pop_mark()?;
                self.extend(&elements)
            }
            b's' => {
                let pair = self.pop_many(2)?;
                self.insert(&pair)
            }
            b'u' => {
                let elements = self.pop_mark()?;
                self.insert(&elements)
            }
            _ => self.object(opcode, at),
        }
    }

    fn object(&mut self, opcode: u8, at: usize) -> Done {
        match opcode {
            b'c' => {
                let (module, name) = (self.input.line()?.to_owned(), self.input.line()?.to_owned());
                self.push(Value::Class { module, name })
            }
            0x93 => {
                let named = self.pop_many(2)?;
                let [module, name] =
                    [named[0], named[1]].map(|id| match &self.values[id.0 as usize] {
                        Value::Text(text) => Ok(text.clone()),
                        other => Err(FormatError::broken(format!(
                            "its pickle names a class at byte {at} by {other:?}"
                        ))),
                    });
                self.push(Value::Class {
                    module: module?,
                    name: name?,
                })
            }
            // Classes that a registry outside of the file numbers.
            0x82..=0x84 => {
                let number = self.input.length(1 << (opcode - 0x82))?;
                let (module, name) = ("copyreg".to_owned(), format!("extension {number}"));
                self.push(Value::Class { module, name })
            }
            b'R' | 0x81 => {
                let called = self.pop_many(2)?;
                self.call(called[0], called[1])
            }
            0x92 => {
                let called = self.pop_many(3)?;
                self.call(called[0], called[1])
            }
            b'i' => {
                let (module, name) = (self.input.line()?.to_owned(), self.input.line()?.to_owned());
                let arguments = self.pop_mark()?;
                let class = self.store(Value::Class { module, name })?;
                let arguments = self.store(Value::Tuple(arguments))?;
                self.call(class, arguments)
            }
            b'o' => {
                let mut elements = self.pop_mark()?;
                if elements.is_empty() {
                    return Err(FormatError::broken(format!(
                        "its pickle makes an object of no class at byte {at}"
                    )));
                }
                let class = elements.remove(0);
                let arguments = self.store(Value::Tuple(elements))?;
                self.call(class, arguments)
            }
            b'b' => {
                let state = self.pop()?;
                let top = self.top()?;
                if let Value::Object(object) = &mut self.values[top.0 as usize] {
                    object.state = Some(state);
                }
                Ok(())
            }
            b'P' => {
                let name = Value::Text(self.input.line()?.to_owned());
                let name = self.store(name)?;
                self.push(Value::Persistent(name))
            }
            b'Q' => {
                let name = self.pop()?;
                self.push(Value::Persistent(name))
            }
            _ => Err(FormatError::broken(format!(
                "byte {at} of its pickle is {opcode:#04x}, which is no opcode that is known"
            ))),
        }
    }

    fn call(&mut self, class: Id, arguments: Id) -> Done {
        self.push(Value::Object(Box::new(Object {
            class,
            arguments,
            state: None,
            items: Vec::new(),
            pairs: Vec::new(),
        })))
    }

    fn extend(&mut self, elements: &[Id]) -> Done {
        let top = self.top()?;
        match &mut self.values[top.0 as usize] {
            Value::List(list) | Value::Set(list) => list.extend_from_slice(elements),
            Value::Object(object) => object.items.extend_from_slice(elements),
            _ => return Err(self.misplaced("appends to what is no list")),
        }
        Ok(())
    }

    fn insert(&mut self, elements: &[Id]) -> Done {
        let more = pairs(elements)?;
        let top = self.top()?;
        match &mut self.values[top.0 as usize] {
            Value::Dict(known) => known.extend(more),
            Value::Object(object) => object.pairs.extend(more),
            _ => return Err(self.misplaced("puts pairs into what is no dictionary")),
        }
        Ok(())
    }
}

fn pairs(elements: &[Id]) -> Result<Vec<(Id, Id)>, FormatError> {
    match elements.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => Err(FormatError::broken(format!(
            "its pickle has {} keys and values, an odd number",
            elements.len()
        ))),
    }
}
