//! Checkpoints in the form of a zip: those of PyTorch, NumPy and Keras.

/// Whether members of these names are one checkpoint: a pickle with its storages, arrays only, or a
/// Keras model. Any other zip is an archive, whose members may be checkpoints.
pub fn is_zip_checkpoint(names: &[&str]) -> bool {
    let torch = names.iter().any(|name| {
        name.strip_suffix("data.pkl").is_some_and(|root| {
            let data = format!("{root}data/");
            let version = format!("{root}version");
            names
                .iter()
                .any(|other| other.starts_with(&data) || *other == version)
        })
    });
    let arrays = !names.is_empty() && names.iter().all(|name| name.ends_with(".npy"));
    let keras = ["config.json", "model.weights.h5"]
        .iter()
        .all(|name| names.contains(name));
    torch || arrays || keras
}

#[cfg(test)]
mod tests {
    use super::is_zip_checkpoint;

    #[test]
    fn a_checkpoint_is_distinguished_from_an_archive_of_checkpoints() {
        assert!(is_zip_checkpoint(&["a/data.pkl", "a/version", "a/data/0"]));
        assert!(is_zip_checkpoint(&["arr_0.npy", "arr_1.npy"]));
        assert!(is_zip_checkpoint(&[
            "metadata.json",
            "config.json",
            "model.weights.h5"
        ]));
        assert!(!is_zip_checkpoint(&["a.npy", "readme.md"]));
        assert!(!is_zip_checkpoint(&["run/data.pkl", "run/model.pt"]));
        assert!(!is_zip_checkpoint(&[]));
    }
}
