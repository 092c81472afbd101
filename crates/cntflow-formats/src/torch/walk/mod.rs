//! What a pickle of PyTorch's holds: tensors by their paths, numbers and texts beside them.

mod storage;
mod tensor;

use std::collections::BTreeMap;

use super::view::View;
use crate::Element;
use crate::TensorEntry;
use crate::numpy::array::StoredArray;
use crate::numpy::pickled::{Place, is_numpy};
use crate::pickle::{Id, Object, Pickle, joined};
use cntflow_storage::FormatError;
use cntflow_storage::Limits;

pub(super) use storage::persistent_storages;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tensors: Vec<FoundTensor>,
    /// Numbers and texts beside the tensors, by their paths.
    pub(super) metadata: BTreeMap<String, String>,
}

/// A tensor.
#[derive(Debug)]
pub(super) struct FoundTensor {
    pub(super) entry: TensorEntry,
    pub(super) lies: Lies,
}

/// Where a tensor's elements lie.
#[derive(Debug)]
pub(super) enum Lies {
    /// In the storage of a key, as a view.
    InStorage(String, View),
    /// In the pickle: an array of NumPy's.
    InPickle(StoredArray),
    /// Nowhere that could be read, for this reason.
    Nowhere(String),
}

/// Keys of dictionaries that hold no weights, as training scripts call them.
const ASIDE: [(&str, &str); 6] = [
    ("optim", "optimizer state"),
    ("sched", "scheduler state"),
    ("scaler", "scaler state"),
    ("amp", "scaler state"),
    ("rng_state", "state of a random generator"),
    ("callbacks", "state of callbacks"),
];

/// Goes through everything the pickle's root holds.
pub(super) fn walk(place: Place<'_>, limits: &Limits) -> Result<Found, FormatError> {
    let pickle = place.pickle;
    let mut walk = Walk {
        place,
        pickle,
        limits,
        held: 0,
        visits: pickle.visits(),
        found: Found::default(),
    };
    walk.value(pickle.root(), "", None, 0)?;
    walk.found.arrays_aside();
    Ok(walk.found)
}

impl Found {
    /// Marks the arrays beside tensors, as training scripts keep their records; where there are no tensors, they are the weights.
    fn arrays_aside(&mut self) {
        let is_array = |tensor: &FoundTensor| matches!(tensor.lies, Lies::InPickle(_));
        let mut others = self.tensors.iter().filter(|tensor| !is_array(tensor));
        if others.any(|tensor| tensor.entry.excluded_because.is_none()) {
            for tensor in self.tensors.iter_mut().filter(|tensor| is_array(tensor)) {
                let reason = || "a NumPy array beside the tensors".to_owned();
                tensor.entry.excluded_because.get_or_insert_with(reason);
            }
        }
    }
}

struct Walk<'a> {
    place: Place<'a>,
    pickle: &'a Pickle,
    limits: &'a Limits,
    /// Values that may still be gone through, shared ones as often as they are met.
    visits: u64,
    /// Bytes of arrays that are held in memory.
    held: u64,
    found: Found,
}

impl Walk<'_> {
    fn value(
        &mut self,
        id: Id,
        path: &str,
        excluded_because: Option<&str>,
        depth: u64,
    ) -> Result<(), FormatError> {
        self.visits = self.pickle.visit(self.visits)?;
        FormatError::check_limit(
            format!("levels of {}", shown(path)),
            depth,
            "depth",
            self.limits.depth,
        )?;
        if let Some(pairs) = self.pickle.pairs(id) {
            return self.pairs(pairs, path, excluded_because, depth);
        }
        if let Some(elements) = self.pickle.contents(id) {
            return self.elements(elements, path, excluded_because, depth);
        }
        if let Some((class, object)) = self.pickle.object(id) {
            return self.object(class, object, path, excluded_because, depth);
        }
        if let (Some(text), None, false) =
            (self.pickle.plain(id), excluded_because, path.is_empty())
        {
            self.found.metadata.insert(path.to_owned(), text);
        }
        Ok(())
    }

    fn elements(
        &mut self,
        elements: &[Id],
        path: &str,
        excluded_because: Option<&str>,
        depth: u64,
    ) -> Result<(), FormatError> {
        for (place, &element) in elements.iter().enumerate() {
            let path = joined(path, &place.to_string())?;
            self.value(element, &path, excluded_because, depth + 1)?;
        }
        Ok(())
    }

    fn pairs(
        &mut self,
        pairs: &[(Id, Id)],
        path: &str,
        excluded_because: Option<&str>,
        depth: u64,
    ) -> Result<(), FormatError> {
        let optimizer = self.pickle.get(pairs, "param_groups").is_some()
            && self.pickle.get(pairs, "state").is_some();
        let excluded_because = excluded_because.or(optimizer.then_some("optimizer state"));
        for (place, &(key, value)) in pairs.iter().enumerate() {
            let key = self.pickle.key(key, place);
            let lower = key.to_lowercase();
            let known = ASIDE
                .iter()
                .find(|(name, _)| depth < 2 && lower.contains(name));
            // A module may well be called `sampler`: tensors at the key itself are what it says they are.
            let known = known.filter(|_| {
                self.pickle.pairs(value).is_some() || self.pickle.elements(value).is_some()
            });
            let excluded_because = excluded_because.or(known.map(|&(_, reason)| reason));
            self.value(value, &joined(path, &key)?, excluded_because, depth + 1)?;
        }
        Ok(())
    }

    fn object(
        &mut self,
        class: (&str, &str),
        object: &Object,
        path: &str,
        excluded_because: Option<&str>,
        depth: u64,
    ) -> Result<(), FormatError> {
        let arguments = self.pickle.elements(object.arguments).unwrap_or_default();
        match class {
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor" | "_rebuild_tensor_v3") => {
                self.tensor(class.1, arguments, path, excluded_because)
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                match arguments {
                    [data, ..] => self.value(*data, path, excluded_because, depth + 1),
                    [] => Err(FormatError::broken(format!(
                        "parameter {} has no data",
                        shown(path)
                    ))),
                }
            }
            // An instance of a subclass: function, class, its arguments.
            ("torch._tensor", "_rebuild_from_type_v2") => match arguments {
                [function, _, inner, ..] => {
                    match (self.pickle.class(*function), self.pickle.elements(*inner)) {
                        (Some((_, name)), Some(inner)) => {
                            self.tensor(name, inner, path, excluded_because)
                        }
                        _ => self.unreadable(
                            path,
                            excluded_because,
                            "a tensor of a class of its own",
                        ),
                    }
                }
                _ => self.unreadable(path, excluded_because, "a tensor of a class of its own"),
            },
            ("torch._utils", name) if name.starts_with("_rebuild") => {
                let kind = name.trim_start_matches("_rebuild_").replace('_', " ");
                self.unreadable(path, excluded_because, &format!("a {kind}"))
            }
            (module, _) if is_numpy(module) => {
                self.numpy(class, object, path, excluded_because, depth)
            }
            _ => self.other(class, object, path, excluded_because, depth),
        }
    }

    /// A module, by its parameters, buffers and modules; of anything else what its state, items and keys hold.
    fn other(
        &mut self,
        class: (&str, &str),
        object: &Object,
        path: &str,
        excluded_because: Option<&str>,
        depth: u64,
    ) -> Result<(), FormatError> {
        let pickle = self.pickle;
        let state = object.state.and_then(|state| pickle.pairs(state));
        let state = match state {
            Some(state) if pickle.get(state, "_modules").is_some() => state,
            None if object.items.is_empty() && object.pairs.is_empty() => {
                let what = format!("an object of {}.{}", class.0, class.1);
                return self.unreadable(path, excluded_because, &what);
            }
            state => {
                self.pairs(state.unwrap_or_default(), path, excluded_because, depth + 1)?;
                self.pairs(&object.pairs, path, excluded_because, depth + 1)?;
                return self.elements(&object.items, path, excluded_because, depth);
            }
        };
        for part in ["_parameters", "_buffers", "_modules"] {
            let held = pickle.get(state, part).and_then(|held| pickle.pairs(held));
            if let Some(held) = held {
                self.pairs(held, path, excluded_because, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Lists a tensor that cannot be read, with the reason.
    fn unreadable(
        &mut self,
        path: &str,
        excluded_because: Option<&str>,
        what: &str,
    ) -> Result<(), FormatError> {
        let reason = format!("{what}: not read");
        let excluded_because = excluded_because.map_or_else(|| reason.clone(), str::to_owned);
        self.add(
            path,
            vec![0],
            Element::F32,
            Some(excluded_because),
            Lies::Nowhere(reason),
        )
    }

    fn add(
        &mut self,
        path: &str,
        shape: Vec<usize>,
        element: Element,
        excluded_because: Option<String>,
        lies: Lies,
    ) -> Result<(), FormatError> {
        let name = if path.is_empty() { "tensor" } else { path }.to_owned();
        self.found.tensors.push(FoundTensor {
            entry: TensorEntry {
                name,
                shape,
                element,
                excluded_because,
            },
            lies,
        });
        FormatError::check_limit(
            "tensors",
            self.found.tensors.len() as u64,
            "tensors",
            self.limits.tensors,
        )
    }
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "its root" } else { path }
}
