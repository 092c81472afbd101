//! Checkpoints as the bytes of a safetensors file: the same content gives the same bytes.
//! `training` writes them.

use std::collections::BTreeMap;

use serde::Serialize;

/// The data of a file start at a multiple of this many bytes.
const ALIGNMENT: usize = 8;

/// A file begins with the length of its header, in so many bytes.
const LENGTH_SIZE: usize = size_of::<u64>();

/// A tensor to be written.
pub(crate) struct NamedTensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// One entry of a safetensors header.
#[derive(Serialize)]
#[serde(untagged)]
enum HeaderEntry<'a> {
    Metadata(&'a BTreeMap<String, String>),
    Tensor {
        dtype: &'static str,
        shape: &'a [usize],
        data_offsets: [usize; 2],
    },
}

/// The safetensors file of `tensors` with `metadata`.
///
/// The safetensors library writes metadata in the order of a hash map, which differs between
/// processes; here keys are sorted.
pub(crate) fn safetensors_bytes(
    tensors: &[NamedTensor],
    metadata: &BTreeMap<String, String>,
) -> Vec<u8> {
    let mut header = BTreeMap::from([("__metadata__", HeaderEntry::Metadata(metadata))]);
    let mut end = 0;
    for tensor in tensors {
        let start = end;
        end += tensor.values.len() * size_of::<f32>();
        let entry = HeaderEntry::Tensor {
            dtype: "F32",
            shape: &tensor.shape,
            data_offsets: [start, end],
        };
        header.insert(&tensor.name, entry);
    }
    let mut header =
        serde_json::to_vec(&header).expect("maps of strings and numbers have a JSON form");
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    let mut bytes = Vec::with_capacity(LENGTH_SIZE + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for value in tensors.iter().flat_map(|tensor| &tensor.values) {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_safetensors_library_reads_what_is_written() {
        let metadata = BTreeMap::from([
            ("run".to_owned(), "a\"b".to_owned()),
            ("b".to_owned(), String::new()),
        ]);
        let tensors = [
            NamedTensor {
                name: "layers.10.weight".to_owned(),
                shape: vec![1, 2],
                values: vec![1.0, -2.5],
            },
            NamedTensor {
                name: "layers.2.bias".to_owned(),
                shape: vec![3],
                values: vec![0.0, 7.0, f32::MIN],
            },
        ];
        let bytes = safetensors_bytes(&tensors, &metadata);
        let (header, read) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header % ALIGNMENT, 0);
        assert_eq!(
            read.metadata()
                .clone()
                .unwrap()
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            metadata
        );
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensor = file.tensor("layers.2.bias").unwrap();
        assert_eq!(tensor.shape(), [3]);
        assert_eq!(tensor.data()[8..], f32::MIN.to_le_bytes());
        assert_eq!(
            file.tensor("layers.10.weight").unwrap().data()[..4],
            1.0_f32.to_le_bytes()
        );
    }
}
