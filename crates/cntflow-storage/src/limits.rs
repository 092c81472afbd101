//! Limits on what a file may make a reader allocate.

use serde::{Deserialize, Serialize};

/// Bounds on what a file may make a reader allocate. They are checked before memory is allocated; a
/// file beyond one is an error that names the limit. Elements that are used in place in a mapped
/// file take no memory and are bounded by the file alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of headers, lists of members, pickles and other structure of one file, added up.
    /// Default: 100,000,000, the limit of safetensors itself.
    pub header_bytes: u64,
    /// Tensors of one file, or members of a zip that holds tensors. Default: 200,000.
    pub tensors: u64,
    /// Levels of nested dictionaries, groups and lists. Default: 64.
    pub depth: u64,
    /// Bytes of one tensor that must be copied into memory because it is compressed or does not lie
    /// in one piece; also of one decoded zip member or gzipped table. Default: 8 GiB.
    pub decoded_bytes: u64,
    /// Decoded bytes for each compressed byte. Default: 1,100 (deflate gives at most 1,032).
    pub expansion: u64,
    /// Bytes of a compressed tar archive, decoded into a temporary file. Default: 256 GiB.
    pub archive_bytes: u64,
    /// Bytes of an object fetched from an object store. Default: 256 GiB.
    pub object_bytes: u64,
}

impl Limits {
    /// Names of the limits.
    pub const NAMES: [&str; 7] = [
        "header_bytes",
        "tensors",
        "depth",
        "decoded_bytes",
        "expansion",
        "archive_bytes",
        "object_bytes",
    ];

    /// The limit of that name, to be set; `None` if there is no such limit.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            "header_bytes" => &mut self.header_bytes,
            "tensors" => &mut self.tensors,
            "depth" => &mut self.depth,
            "decoded_bytes" => &mut self.decoded_bytes,
            "expansion" => &mut self.expansion,
            "archive_bytes" => &mut self.archive_bytes,
            "object_bytes" => &mut self.object_bytes,
            _ => return None,
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 100_000_000,
            tensors: 200_000,
            depth: 64,
            decoded_bytes: 8 << 30,
            expansion: 1_100,
            archive_bytes: 256 << 30,
            object_bytes: 256 << 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_name() {
        let mut limits = Limits::default();
        for name in Limits::NAMES {
            *limits.get_mut(name).unwrap() = 17;
        }
        let fields = serde_json::to_value(limits).unwrap();
        let fields = fields.as_object().unwrap();
        assert_eq!(fields.len(), Limits::NAMES.len());
        assert!(fields.values().all(|value| *value == 17));
        assert_eq!(limits.get_mut("header"), None);
    }
}
