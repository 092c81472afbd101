//! Which statistic of which metric is normalised how. The table of all formulas stands in
//! `normalise.rs`.

/// How a statistic is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    /// x
    AsItIs,
    /// x / scale
    OverScale,
    /// x size
    TimesSize,
    /// x / size
    OverSize,
    /// (x - mean) / scale
    CentredOverScale,
}

impl Formula {
    /// The formula of one statistic of a metric.
    pub(super) fn of(metric: &str, statistic: &str) -> Self {
        match (metric, statistic) {
            (_, "skewness") => Self::AsItIs,
            ("kernel_weights" | "link_weights", "std") => Self::TimesSize,
            ("strength_abs", "mean") => Self::OverSize,
            ("strength_abs", "q25" | "q50" | "q75") => Self::CentredOverScale,
            (
                "kernel_weights" | "link_weights" | "biases" | "strength_in" | "strength_out"
                | "nodes_strength" | "layers_fluctuation" | "strength_abs",
                _,
            ) => Self::OverScale,
            _ => Self::AsItIs,
        }
    }
}
