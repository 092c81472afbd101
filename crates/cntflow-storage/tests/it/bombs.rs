//! Compressed members that decode to more than they say, or than the limits allow.

use std::io::Write;

use cntflow_storage::{FullMessage, Limits, Location, StorageError};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    file.write_all(bytes).unwrap();
    file.finish().unwrap()
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        // As an attacker writes it: no check of the name.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

/// A zip archive of one deflated member, by hand: `claimed` is the length that it gives.
fn deflated_zip(name: &str, bytes: &[u8], claimed: u32) -> Vec<u8> {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    let packed = packer.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let common = |file: &mut Vec<u8>| {
        file.extend([20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0]);
        file.extend(crc.sum().to_le_bytes());
        file.extend((packed.len() as u32).to_le_bytes());
        file.extend(claimed.to_le_bytes());
        file.extend((name.len() as u16).to_le_bytes());
        file.extend([0, 0]);
    };
    let mut file = b"PK\x03\x04".to_vec();
    common(&mut file);
    file.extend(name.as_bytes());
    file.extend(&packed);
    let directory = file.len() as u32;
    file.extend(b"PK\x01\x02\x14\x00");
    common(&mut file);
    file.extend([0; 14]);
    file.extend(name.as_bytes());
    let length = file.len() as u32 - directory;
    file.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    file.extend(length.to_le_bytes());
    file.extend(directory.to_le_bytes());
    file.extend([0, 0]);
    file
}

#[test]
fn bombs_are_refused_before_memory_is_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("z.zip");
    let open = |bytes: &[u8], limits: &Limits| -> Result<_, StorageError> {
        std::fs::write(&path, bytes).unwrap();
        Location::of_member(&path, "a")
            .content(limits)
            .map(|content| content.len())
    };
    let zeros = vec![0; 1 << 20];
    let few = Limits {
        decoded_bytes: 1 << 16,
        ..Limits::default()
    };
    let good = deflated_zip("a", &zeros, 1 << 20);
    assert_eq!(open(&good, &Limits::default()).unwrap(), 1 << 20);
    let text = open(&good, &few).unwrap_err().full_message();
    assert!(text.contains("decoded_bytes allows 65536"), "{text}");
    let too_long = deflated_zip("a", &zeros, 100);
    let text = open(&too_long, &Limits::default())
        .unwrap_err()
        .full_message();
    assert!(text.contains("longer than the 100 bytes"), "{text}");
    let text = open(&deflated_zip("a", b"abc", u32::MAX - 1), &Limits::default());
    let text = text.unwrap_err().full_message();
    assert!(text.contains("expansion"), "{text}");
    let spool = Limits {
        archive_bytes: 1 << 16,
        ..Limits::default()
    };
    let tar = gzip(&tar_of(&[("a", &zeros)]));
    let text = open(&tar, &spool).unwrap_err().full_message();
    assert!(text.contains("archive_bytes allows 65536"), "{text}");
}
