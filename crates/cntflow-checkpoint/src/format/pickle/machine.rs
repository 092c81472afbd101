//! The stack machine of pickles, as far as it builds data.

use std::collections::HashMap;

use super::input::Input;
use super::{Id, Object, Pickle, Value};
use crate::Limits;
use crate::format::FormatError;

/// Runs the opcodes from `start` on until the pickle says that it ends.
pub(super) fn run(file: &[u8], start: usize, limits: &Limits) -> Result<Pickle, FormatError> {
    let mut machine = Machine {
        input: Input::new(file, start),
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        most: limits.header_bytes / size_of::<Value>() as u64,
        limit: limits.header_bytes,
    };
    loop {
        let at = machine.input.at;
        let opcode = machine.input.byte()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle {
                values: machine.values,
                root,
                end: machine.input.at,
            });
        }
        machine.step(opcode, at)?;
    }
}

struct Machine<'a> {
    input: Input<'a>,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// Values there may be.
    most: u64,
    limit: u64,
}

type Done = Result<(), FormatError>;

impl Machine<'_> {
    fn step(&mut self, opcode: u8, at: usize) -> Done {
        match opcode {
            // Protocol and frame.
            0x80 => self.input.take(1).map(|_| ()),
            0x95 => self.input.take(8).map(|_| ()),
            // The stack itself.
            b'(' => {
                self.marks.push(self.stack.len());
                self.bounded()
            }
            b'0' => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => {
                    self.marks.pop();
                    Ok(())
                }
                _ => self.pop().map(|_| ()),
            },
            b'1' => self.pop_mark().map(|_| ()),
            b'2' => {
                let top = self.top()?;
                self.put(top)
            }
            // Where values are kept for later.
            b'g' | b'h' | b'j' => {
                let place = self.place(opcode, [b'g', b'h'])?;
                let id = self.memo.get(&place).copied();
                let unknown = || {
                    FormatError::broken(format!(
                        "its pickle asks at byte {at} for value {place}, which was not kept"
                    ))
                };
                self.put(id.ok_or_else(unknown)?)
            }
            b'p' | b'q' | b'r' => {
                let place = self.place(opcode, [b'p', b'q'])?;
                self.keep(place)
            }
            0x94 => self.keep(self.memo.len() as u64),
            _ => self.scalar(opcode, at),
        }
    }

    fn place(&mut self, opcode: u8, [line, byte]: [u8; 2]) -> Result<u64, FormatError> {
        match opcode {
            _ if opcode == line => parsed(self.input.line()?),
            _ if opcode == byte => self.input.length(1),
            _ => self.input.length(4),
        }
    }

    fn keep(&mut self, place: u64) -> Done {
        let top = self.top()?;
        self.memo.insert(place, top);
        FormatError::within(
            "values that its pickle keeps",
            self.memo.len() as u64,
            "header_bytes",
            self.most.max(1 << 20),
        )
    }

    /// Numbers, texts and bytes.
    fn scalar(&mut self, opcode: u8, at: usize) -> Done {
        let value = match opcode {
            b'N' => Value::None,
            0x88 => Value::Flag(true),
            0x89 => Value::Flag(false),
            b'I' => match self.input.line()? {
                "00" => Value::Flag(false),
                "01" => Value::Flag(true),
                number => whole(number),
            },
            b'L' => whole(self.input.line()?.trim_end_matches('L')),
            b'J' => Value::Whole(i64::from(i32::from_le_bytes(self.input.array()?))),
            b'K' => Value::Whole(i64::from(self.input.byte()?)),
            b'M' => Value::Whole(i64::from(u16::from_le_bytes(self.input.array()?))),
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'F' => Value::Real(parsed(self.input.line()?)?),
            b'G' => Value::Real(f64::from_be_bytes(self.input.array()?)),
            b'S' => Value::Text(unquoted(self.input.line()?)?),
            b'V' => Value::Text(self.input.line()?.to_owned()),
            0x8c => self.text(1)?,
            b'X' => self.text(4)?,
            0x8d => self.text(8)?,
            b'U' | b'C' => self.bytes(opcode, 1)?,
            b'T' | b'B' => self.bytes(opcode, 4)?,
            0x8e | 0x96 => self.bytes(opcode, 8)?,
            _ => return self.container(opcode, at),
        };
        self.push(value)
    }

    fn long(&mut self, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.length(length_bytes)?;
        let bytes = self.input.take(length)?;
        if bytes.len() > 8 {
            return Ok(Value::Huge);
        }
        let sign = match bytes.last() {
            Some(last) if last & 0x80 != 0 => -1,
            _ => 0,
        };
        let number = bytes
            .iter()
            .rev()
            .fold(sign, |sum: i64, &byte| sum << 8 | i64::from(byte));
        Ok(Value::Whole(number))
    }

    fn text(&mut self, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.length(length_bytes)?;
        FormatError::within(
            "bytes of a text in its pickle",
            length,
            "header_bytes",
            self.limit,
        )?;
        self.input.text(length).map(Value::Text)
    }

    /// Bytes; those of Python 2, which had no others, are a text where they can be.
    fn bytes(&mut self, opcode: u8, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.length(length_bytes)?;
        if matches!(opcode, b'U' | b'T') && length <= SHORT {
            let at = self.input.at;
            if let Ok(text) = self.input.text(length) {
                return Ok(Value::Text(text));
            }
            self.input.at = at;
        }
        self.input.range(length).map(Value::Bytes)
    }

    /// Lists, dictionaries, classes and objects.
    fn container(&mut self, opcode: u8, at: usize) -> Done {
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

    fn misplaced(&self, what: &str) -> FormatError {
        FormatError::broken(format!("its pickle {what} before byte {}", self.input.at))
    }

    fn push(&mut self, value: Value) -> Done {
        let id = self.store(value)?;
        self.put(id)
    }

    fn store(&mut self, value: Value) -> Result<Id, FormatError> {
        let place = self.values.len();
        let bytes = (place as u64 + 1) * size_of::<Value>() as u64;
        FormatError::within(
            "bytes of the values of its pickle",
            bytes,
            "header_bytes",
            self.limit,
        )?;
        let id = u32::try_from(place).map_err(|_| self.misplaced("makes 2^32 values"))?;
        self.values.push(value);
        Ok(Id(id))
    }

    fn put(&mut self, id: Id) -> Done {
        self.stack.push(id);
        self.bounded()
    }

    /// The stack may be as high as there may be values: opcodes that only push again make none.
    fn bounded(&self) -> Done {
        let height = self.stack.len().max(self.marks.len()) as u64;
        FormatError::within(
            "values on the stack of its pickle",
            height,
            "header_bytes",
            self.most.max(1 << 20).min(self.limit),
        )
    }

    fn top(&self) -> Result<Id, FormatError> {
        self.stack
            .last()
            .copied()
            .ok_or_else(|| self.misplaced("needs a value where there is none"))
    }

    /// The topmost value, above the last mark.
    fn pop(&mut self) -> Result<Id, FormatError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => self
                .stack
                .pop()
                .ok_or_else(|| self.misplaced("needs a value where there is none")),
            false => Err(self.misplaced("needs a value where there is none")),
        }
    }

    fn pop_many(&mut self, n: usize) -> Result<Vec<Id>, FormatError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(n) {
            Some(first) if first >= floor => Ok(self.stack.split_off(first)),
            _ => Err(self.misplaced("needs a value where there is none")),
        }
    }

    /// The values above the last mark, which goes too.
    fn pop_mark(&mut self) -> Result<Vec<Id>, FormatError> {
        let mark = self
            .marks
            .pop()
            .ok_or_else(|| self.misplaced("needs a mark where there is none"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }
}

/// Bytes of Python 2 that may be a text.
const SHORT: u64 = 1 << 16;

fn pairs(elements: &[Id]) -> Result<Vec<(Id, Id)>, FormatError> {
    match elements.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => Err(FormatError::broken(format!(
            "its pickle has {} keys and values, an odd number",
            elements.len()
        ))),
    }
}

fn whole(text: &str) -> Value {
    text.parse().map_or(Value::Huge, Value::Whole)
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, FormatError> {
    text.parse().map_err(|_| {
        FormatError::broken(format!(
            "its pickle has '{}' where a number should be",
            text.escape_debug()
        ))
    })
}

fn unquoted(text: &str) -> Result<String, FormatError> {
    let inner = ['\'', '"']
        .iter()
        .find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inner
        .map(str::to_owned)
        .ok_or_else(|| FormatError::broken("its pickle has a text without quotation marks"))
}
