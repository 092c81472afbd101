//! The stack machine of pickles, as far as it builds data.

mod container;
mod scalar;

use std::collections::HashMap;

use super::input::Input;
use super::{Id, Pickle, Value};
use cntflow_storage::FormatError;
use cntflow_storage::Limits;

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
        FormatError::check_limit(
            "values that its pickle keeps",
            self.memo.len() as u64,
            "header_bytes",
            self.most.max(1 << 20),
        )
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
        FormatError::check_limit(
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
        FormatError::check_limit(
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

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, FormatError> {
    text.parse().map_err(|_| {
        FormatError::broken(format!(
            "its pickle has '{}' where a number should be",
            text.escape_debug()
        ))
    })
}
