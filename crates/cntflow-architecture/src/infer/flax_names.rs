//! Names as flax has them: parts joined by `/`, a kernel's inputs first, and running statistics in
//! a tree of their own (`batch_stats`) beside that of the parameters (`params`).

/// The tree of running statistics.
const STATISTICS: &str = "batch_stats/";

/// The tree of parameters.
const PARAMETERS: &str = "params/";

/// Last parts of names that PyTorch calls otherwise, and no other framework calls so.
const LAST_PARTS: [(&str, &str); 2] = [("mean", "running_mean"), ("var", "running_var")];

/// Whether the file has running statistics beside the parameters, so that the trees are no part of
/// the modules' names.
pub(super) fn has_two_trees(names: &[&str]) -> bool {
    let is_of_a_tree = |name: &&str| name.starts_with(STATISTICS) || name.starts_with(PARAMETERS);
    names.iter().any(|name| name.starts_with(STATISTICS)) && names.iter().all(is_of_a_tree)
}

/// A name without its tree.
pub(super) fn without_tree(name: &str) -> &str {
    let trees = [STATISTICS, PARAMETERS];
    let rest = trees.iter().find_map(|tree| name.strip_prefix(tree));
    rest.unwrap_or(name)
}

/// The last part of a name as PyTorch has it; `None` for a name that flax does not give.
pub(super) fn last_part(name: &str) -> Option<&'static str> {
    let (_, last) = name.rsplit_once('/')?;
    let (_, torch) = LAST_PARTS.iter().find(|(flax, _)| *flax == last)?;
    Some(torch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_no_part_of_names_where_there_are_two() {
        let both = ["params/Conv_0/kernel", "batch_stats/BatchNorm_0/mean"];
        assert!(has_two_trees(&both));
        assert!(!has_two_trees(&both[..1]));
        assert!(!has_two_trees(&["batch_stats/a/mean", "other/b/kernel"]));
        assert_eq!(without_tree(both[0]), "Conv_0/kernel");
        assert_eq!(last_part(both[1]), Some("running_mean"));
        assert_eq!(last_part("logit.scale"), None);
    }
}
