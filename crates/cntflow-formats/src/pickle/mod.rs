//! Pickles, read as data.
//!
//! A pickle is a program for a small stack machine that makes Python objects. Here it is run only
//! as far as it builds values: a class is its name, a call is a [`Value::Object`] that says what
//! would be called with what, and nothing is ever imported or executed.
//!
//! No crate is used for this: some turn pickles into nested values, which a hostile file
//! makes cyclic or a million levels deep; others lack calls and persistent identifiers, which every
//! PyTorch file has.
//!
//! Values live in one arena and refer to each other by [`Id`], so cycles, sharing and depth cost
//! nothing until somebody walks them. A walk must bound its depth and the number of its visits
//! ([`Pickle::visit_budget`]). An opcode makes at most three values, so memory is bounded by the
//! pickle's length, and by [`Limits::header_bytes`].

mod input;
mod key;
mod machine;
mod opcode;
mod value;

use cntflow_storage::{FormatError, Limits};

use machine::Built;
pub use value::{Id, Object, Value};

/// The values of a pickle.
#[derive(Debug)]
pub struct Pickle {
    values: Vec<Value>,
    root: Id,
    end: usize,
}

impl Pickle {
    /// Reads the pickle that begins at `start` of `file`.
    ///
    /// # Errors
    /// It is cut short, is no pickle, or builds more than the limits allow.
    pub fn read(file: &[u8], start: usize, limits: &Limits) -> Result<Self, FormatError> {
        let Built { values, root, end } = machine::run(file, start, limits)?;
        Ok(Self { values, root, end })
    }

    /// Whether the bytes begin like a pickle of protocol 2 to 5.
    pub fn recognises(file: &[u8]) -> bool {
        matches!(file, [0x80, 2..=5, ..])
    }

    /// The value that the pickle stands for.
    pub fn root(&self) -> Id {
        self.root
    }

    /// The offset behind its last byte.
    pub fn end(&self) -> usize {
        self.end
    }

    /// All values, in the order of their opcodes.
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        (0..self.values.len() as u32).map(Id)
    }

    /// Number of visits that a walk may make: each value once, and some more, since tied tensors
    /// are visited twice. Without this bound, `n` nested lists that each hold the next one twice
    /// would take `2^n` visits.
    pub fn visit_budget(&self) -> u64 {
        2 * self.values.len() as u64 + 10_000
    }

    /// Counts a visit, and returns how many are left.
    ///
    /// # Errors
    /// None was left.
    pub fn spend_visit(&self, left: u64) -> Result<u64, FormatError> {
        left.checked_sub(1).ok_or_else(|| {
            let (visits, values) = (self.visit_budget(), self.values.len());
            FormatError::broken(format!(
                "its pickle shares its {values} values so often that a walk would take more than {visits} visits"
            ))
        })
    }

    /// The value that an identifier stands for.
    pub fn value(&self, id: Id) -> &Value {
        &self.values[id.0 as usize]
    }

    /// The elements of a tuple or list.
    pub fn elements(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Tuple(elements) | Value::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The elements of a tuple, list or set; up to protocol 3 a set is a call with a list of them.
    pub fn elements_or_members(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Set(elements) => Some(elements),
            Value::Object(object) => match self.class(object.class)? {
                ("builtins" | "__builtin__", "set" | "frozenset") => {
                    let [list] = self.elements(object.arguments)? else {
                        return None;
                    };
                    self.elements(*list)
                }
                _ => None,
            },
            _ => self.elements(id),
        }
    }

    /// The pairs of a dictionary, also of an `OrderedDict`, `defaultdict` or `Counter`.
    pub fn pairs(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.value(id) {
            Value::Dict(pairs) => Some(pairs),
            Value::Object(object) => match self.class(object.class)? {
                ("collections", "OrderedDict" | "defaultdict" | "Counter") => Some(&object.pairs),
                _ => None,
            },
            _ => None,
        }
    }

    /// Module and name of a class. The form of PyTorch's files before 1.6 writes the class of a
    /// module, where it first occurs, as something outside of the pickle: `("module", class, source
    /// file, source)`.
    pub fn class(&self, id: Id) -> Option<(&str, &str)> {
        match self.value(id) {
            Value::Persistent(identifier) => match self.elements(*identifier)? {
                [kind, class, ..] if self.text(*kind) == Some("module") => self.named_class(*class),
                _ => None,
            },
            _ => self.named_class(id),
        }
    }

    /// Module and name of a class that is in the pickle by its name.
    fn named_class(&self, id: Id) -> Option<(&str, &str)> {
        match self.value(id) {
            Value::Class { module, name } => Some((module, name)),
            _ => None,
        }
    }

    /// An object of a class: module and name of the class, and the object.
    pub fn object(&self, id: Id) -> Option<((&str, &str), &Object)> {
        match self.value(id) {
            Value::Object(object) => Some((self.class(object.class)?, object)),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number or a flag.
    pub fn whole(&self, id: Id) -> Option<i64> {
        match self.value(id) {
            Value::Whole(number) => Some(*number),
            Value::Flag(flag) => Some(i64::from(*flag)),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn size(&self, id: Id) -> Option<usize> {
        usize::try_from(self.whole(id)?).ok()
    }

    /// A list of whole numbers that are not negative, such as a shape.
    pub fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        let elements = match self.object(id) {
            Some((("torch", "Size"), size)) => {
                let [list] = self.elements(size.arguments)? else {
                    return None;
                };
                self.elements(*list)?
            }
            _ => self.elements(id)?,
        };
        elements.iter().map(|&element| self.size(element)).collect()
    }

    /// The value of a dictionary under a text as its key.
    pub fn get(&self, pairs: &[(Id, Id)], key: &str) -> Option<Id> {
        let (_, value) = pairs
            .iter()
            .find(|(name, _)| self.text(*name) == Some(key))?;
        Some(*value)
    }

    /// A number, flag or text as a text; `None` for any other value.
    pub fn plain(&self, id: Id) -> Option<String> {
        match self.value(id) {
            Value::Flag(flag) => Some(flag.to_string()),
            Value::Whole(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// Longest path of keys, in bytes.
const MAX_PATH: usize = 4096;

/// A path with one more key.
///
/// # Errors
/// It is too long: many long paths would take memory as the square of the file's length.
pub fn joined(path: &str, key: &str) -> Result<String, FormatError> {
    if path.len() + key.len() >= MAX_PATH {
        return Err(FormatError::broken(format!(
            "the path of a value in its pickle has {} bytes; up to {MAX_PATH} are read",
            path.len() + key.len() + 1
        )));
    }
    Ok(match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pickle: &[u8]) -> Result<Pickle, FormatError> {
        Pickle::read(pickle, 0, &Limits::default())
    }

    #[test]
    fn protocols_0_and_4_give_the_same_values() {
        // {"a": [1, 2.5, True, None], "b": ("x",)}
        let old = b"(dp0\nVa\np1\n(lp2\nI1\naF2.5\naI01\naNasVb\np3\n(Vx\np4\ntp5\ns.";
        let new = b"\x80\x04\x95\x25\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94]\x94(K\x01G@\x04\0\0\0\0\0\0\x88Ne\x8c\x01b\x94\x8c\x01x\x94\x85\x94u.";
        for bytes in [&old[..], new] {
            let pickle = read(bytes).unwrap();
            let pairs = pickle.pairs(pickle.root()).unwrap();
            let a = pickle.elements(pickle.get(pairs, "a").unwrap()).unwrap();
            let shown: Vec<_> = a.iter().map(|&id| pickle.plain(id)).collect();
            let expected = ["1", "2.5", "true"].map(|text| Some(text.to_owned()));
            assert_eq!(shown[..3], expected);
            assert_eq!((shown.len(), &shown[3]), (4, &None));
            let b = pickle.elements(pickle.get(pairs, "b").unwrap()).unwrap();
            assert_eq!(pickle.text(b[0]), Some("x"));
            assert_eq!(pickle.end(), bytes.len());
        }
    }

    #[test]
    fn a_call_is_not_made() {
        let pickle = read(b"cos\nsystem\n(Vtouch owned\ntR.").unwrap();
        let (class, object) = pickle.object(pickle.root()).unwrap();
        assert_eq!(class, ("os", "system"));
        let arguments = pickle.elements(object.arguments).unwrap();
        assert_eq!(pickle.text(arguments[0]), Some("touch owned"));
    }

    #[test]
    fn python_2_gives_an_ordered_dictionary_its_pairs() {
        // OrderedDict([["a", 1], ("b", 2)])
        let given = read(b"ccollections\nOrderedDict\n((l(lVa\naI1\naa(Vb\nI2\ntatR.").unwrap();
        let pairs = given.pairs(given.root()).unwrap();
        let number = |key: &str| given.whole(given.get(pairs, key)?);
        assert_eq!([number("a"), number("b")], [Some(1), Some(2)]);
        // A list of a million pairs that is given to a million dictionaries.
        let list = [&b"(lp0\n"[..], &b"(Vb\nI2\nta".repeat(1000), b"0"].concat();
        let calls = b"ccollections\nOrderedDict\n(g0\ntR0".repeat(1000);
        let error = read(&[&list[..], &calls, b"N."].concat()).unwrap_err();
        assert!(error.to_string().contains("one list of pairs"), "{error}");
    }

    #[test]
    fn the_class_of_a_module_may_be_outside_of_the_pickle() {
        let class_of = |pickle: &[u8]| {
            let pickle = read(pickle).unwrap();
            let object = pickle.object(pickle.root());
            object.map(|((module, name), _)| format!("{module}.{name}"))
        };
        let outside = b"((Vmodule\ncnn\nLinear\nVlinear.py\nVclass Linear: pass\ntQ)\x81.";
        assert_eq!(class_of(outside), Some("nn.Linear".to_owned()));
        // A storage is no class, nor is an identifier within an identifier.
        assert_eq!(class_of(b"((Vstorage\ncnn\nLinear\ntQ)\x81."), None);
        let nested = b"((Vmodule\n(Vmodule\ncnn\nLinear\ntQtQ)\x81.";
        assert_eq!(class_of(nested), None);
    }

    #[test]
    fn every_truncation_and_nonsense_is_an_error() {
        let whole = b"\x80\x02}q\0(X\x01\0\0\0aq\x01]q\x02(K\x01J\x01\0\0\0\x8a\x01\x05eU\x01bG@\x04\0\0\0\0\0\0u.";
        assert!(read(whole).is_ok());
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length} bytes");
        }
        for nonsense in [
            &b"\x80\x02."[..],
            b"t.",
            b"K\x01a.",
            b"(.",
            b"h\x05.",
            b"}(K\x01u.",
            b"\xff.",
        ] {
            assert!(read(nonsense).is_err(), "{nonsense:?}");
        }
    }

    #[test]
    fn cycles_depth_and_sharing_cost_no_more_than_their_length() {
        // A list that holds itself.
        let cyclic = read(b"]q\0h\0a.").unwrap();
        assert_eq!(cyclic.elements(cyclic.root()), Some(&[cyclic.root()][..]));
        // A million lists, one in the other.
        let deep = [&b"]".repeat(1_000_000)[..], &b"a".repeat(999_999), b"."].concat();
        assert!(read(&deep).is_ok());
    }

    #[test]
    fn more_values_than_the_limit_allows_are_refused() {
        let limits = Limits {
            header_bytes: 10_000,
            ..Limits::default()
        };
        let many = [&b"]".repeat(9_000)[..], &b"0".repeat(8_999), b"."].concat();
        let error = Pickle::read(&many, 0, &limits).unwrap_err();
        assert!(error.to_string().contains("header_bytes"), "{error}");
        let long = b"\x80\x02X\xff\xff\xff\x7f";
        assert!(Pickle::read(long, 0, &limits).is_err());
    }
}
