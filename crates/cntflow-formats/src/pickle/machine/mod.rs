//! The stack machine of pickles, as far as it builds data. This file keeps the stack and the memo.
//! [`scalar`] makes numbers, texts and bytes; [`container`] makes lists, dictionaries, classes and
//! objects.

mod container;
mod scalar;

use std::collections::HashMap;

use cntflow_storage::{FormatError, Limits};

use super::input::Input;
use super::opcode::*;
use super::value::{Id, Value};

/// Bytes of memory that a value takes; entries of the stack and the memo count as much.
const VALUE_BYTES: u64 = size_of::<Value>() as u64;

/// Entries that the stack and the memo may always have: small limits would otherwise refuse
/// ordinary pickles.
const MIN_ENTRIES: u64 = 1 << 20;

/// What the opcodes of a pickle built.
pub(super) struct Built {
    /// All values, in the order of their opcodes.
    pub(super) values: Vec<Value>,
    /// The value that the pickle stands for.
    pub(super) root: Id,
    /// The offset behind the last opcode.
    pub(super) end: usize,
}

/// Runs the opcodes from `start` on until the pickle ends.
pub(super) fn run(file: &[u8], start: usize, limits: &Limits) -> Result<Built, FormatError> {
    let mut machine = Machine {
        input: Input::new(file, start),
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        given_pairs: 0,
        header_bytes: limits.header_bytes,
    };
    loop {
        let offset = machine.input.offset;
        let opcode = machine.input.byte()?;
        if opcode == STOP {
            let root = machine.pop()?;
            return Ok(Built {
                values: machine.values,
                root,
                end: machine.input.offset,
            });
        }
        machine.step(opcode, offset)?;
    }
}

/// The state of the machine.
struct Machine<'a> {
    input: Input<'a>,
    /// All values made so far; [`Id`] is an index of it.
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at which marks were set.
    marks: Vec<usize>,
    /// Values that opcodes have stored for later ones.
    memo: HashMap<u64, Id>,
    /// Pairs that calls were given. A list may be given to many.
    given_pairs: usize,
    /// [`Limits::header_bytes`].
    header_bytes: u64,
}

impl Machine<'_> {
    /// Runs the opcode that was read at `offset`.
    fn step(&mut self, opcode: u8, offset: usize) -> Result<(), FormatError> {
        match opcode {
            // The protocol's number and the length of a frame change nothing.
            PROTO => self.input.take(1).map(|_| ()),
            FRAME => self.input.take(8).map(|_| ()),
            MARK => {
                self.marks.push(self.stack.len());
                self.check_height()
            }
            POP => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => {
                    self.marks.pop();
                    Ok(())
                }
                _ => self.pop().map(|_| ()),
            },
            POP_MARK => self.pop_mark().map(|_| ()),
            DUP => {
                let top = self.top()?;
                self.push_id(top)
            }
            GET | BINGET | LONG_BINGET => {
                let key = self.memo_key(opcode)?;
                let id = self.memo.get(&key).copied();
                let missing = || {
                    FormatError::broken(format!(
                        "its pickle reads value {key} of the memo at byte {offset}, which was never stored"
                    ))
                };
                self.push_id(id.ok_or_else(missing)?)
            }
            PUT | BINPUT | LONG_BINPUT => {
                let key = self.memo_key(opcode)?;
                self.memoize(key)
            }
            MEMOIZE => self.memoize(self.memo.len() as u64),
            _ => self.scalar(opcode, offset),
        }
    }

    /// The key of a value in the memo: a line of text, one byte or four.
    fn memo_key(&mut self, opcode: u8) -> Result<u64, FormatError> {
        match opcode {
            GET | PUT => parsed(self.input.line()?),
            BINGET | BINPUT => self.input.unsigned(1),
            _ => self.input.unsigned(4),
        }
    }

    fn memoize(&mut self, key: u64) -> Result<(), FormatError> {
        let top = self.top()?;
        self.memo.insert(key, top);
        FormatError::check_limit(
            "bytes of the memo of its pickle",
            self.memo.len() as u64 * VALUE_BYTES,
            "header_bytes",
            self.header_bytes.max(MIN_ENTRIES * VALUE_BYTES),
        )
    }

    fn stack_underflow(&self) -> FormatError {
        self.misplaced("has a stack underflow")
    }

    /// An opcode that makes no sense where it stands.
    fn misplaced(&self, what: &str) -> FormatError {
        FormatError::broken(format!(
            "its pickle {what} before byte {}",
            self.input.offset
        ))
    }

    /// Stores a value and pushes it.
    fn push(&mut self, value: Value) -> Result<(), FormatError> {
        let id = self.store(value)?;
        self.push_id(id)
    }

    /// Stores a value without pushing it.
    fn store(&mut self, value: Value) -> Result<Id, FormatError> {
        let index = self.values.len();
        let bytes = (index as u64 + 1) * VALUE_BYTES;
        FormatError::check_limit(
            "bytes of the values of its pickle",
            bytes,
            "header_bytes",
            self.header_bytes,
        )?;
        let id = u32::try_from(index).map_err(|_| self.misplaced("makes 2^32 values"))?;
        self.values.push(value);
        Ok(Id(id))
    }

    fn push_id(&mut self, id: Id) -> Result<(), FormatError> {
        self.stack.push(id);
        self.check_height()
    }

    /// Bounds the stack by the number of values that there may be: opcodes that push a value again
    /// store none.
    fn check_height(&self) -> Result<(), FormatError> {
        let height = self.stack.len().max(self.marks.len()) as u64;
        // Every entry takes an opcode of at least one byte, so that a pickle within the limit never
        // has more than `header_bytes` entries.
        let max_height = MIN_ENTRIES.min(self.header_bytes);
        FormatError::check_limit(
            "bytes of the stack of its pickle",
            height * VALUE_BYTES,
            "header_bytes",
            self.header_bytes.max(max_height * VALUE_BYTES),
        )
    }

    /// The topmost value, which stays on the stack.
    fn top(&self) -> Result<Id, FormatError> {
        self.stack
            .last()
            .copied()
            .ok_or_else(|| self.stack_underflow())
    }

    /// Pops the topmost value, which must be above the last mark.
    fn pop(&mut self) -> Result<Id, FormatError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(self.stack_underflow());
        }
        self.stack.pop().ok_or_else(|| self.stack_underflow())
    }

    /// Pops the topmost `n` values, which must be above the last mark, in the order of their
    /// pushes.
    fn pop_many(&mut self, n: usize) -> Result<Vec<Id>, FormatError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(n) {
            Some(first) if first >= floor => Ok(self.stack.split_off(first)),
            _ => Err(self.stack_underflow()),
        }
    }

    /// Pops the last mark and the values above it.
    fn pop_mark(&mut self) -> Result<Vec<Id>, FormatError> {
        let mark = self
            .marks
            .pop()
            .ok_or_else(|| self.misplaced("pops a mark that was never set"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }
}

/// The number that a line of text is.
fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, FormatError> {
    text.parse().map_err(|_| {
        FormatError::broken(format!(
            "its pickle has '{}' where a number should be",
            text.escape_debug()
        ))
    })
}
