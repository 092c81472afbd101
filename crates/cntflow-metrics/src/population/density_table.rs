//! The kernels of a density summed once, at closely spaced points. The density on a grid is
//! interpolated between them.

use super::density::ExpandedKernel;

/// Points per bandwidth. The error of a quintic between two points is then at most 1.3e-8 of the
/// largest density.
const POINTS_PER_BANDWIDTH: f64 = 6.0;

/// The table reaches this many bandwidths beyond the smallest and the largest value. Further out,
/// `tail` sums kernels one by one.
const MARGIN: f64 = 5.5;

/// Points above which a table costs more than it saves.
const MAX_POINTS: f64 = 6000.0;

/// The sum of the kernels at each point, its first derivative and half its second, where the unit
/// of length is the distance between points.
#[derive(Clone, Debug)]
pub(super) struct DensityTable {
    first: f64,
    step: f64,
    nodes: Vec<[f64; 3]>,
}

impl DensityTable {
    /// The table of cells whose values lie between `min` and `max`; `None` if it would be too long.
    pub(super) fn of(
        cells: &[ExpandedKernel],
        (min, max): (f64, f64),
        bandwidth: f64,
    ) -> Option<Self> {
        let step = bandwidth / POINTS_PER_BANDWIDTH;
        let first = min - MARGIN * bandwidth;
        let n = ((max + MARGIN * bandwidth - first) / step).ceil() + 1.0;
        if n.is_nan() || n > MAX_POINTS {
            return None;
        }
        let mut nodes = vec![[0.0; 3]; n as usize];
        for cell in cells {
            cell.visit((first, step, nodes.len()), bandwidth, |i, t, kernel| {
                // Derivatives of `p(t) exp(-t^2/2)`, without the exponential.
                let [p, p1, p2] = cell.derivatives(t);
                let width = 1.0 / POINTS_PER_BANDWIDTH;
                let slope = p1 - t * p;
                let bend = p2 - 2.0 * t * p1 + (t * t - 1.0) * p;
                nodes[i][0] += kernel * p;
                nodes[i][1] += kernel * slope * width;
                nodes[i][2] += kernel * bend * (0.5 * width * width);
            });
        }
        Some(Self { first, step, nodes })
    }

    /// The sum of kernels at a point; 0 beyond the table.
    pub(super) fn at(&self, y: f64) -> f64 {
        let position = (y - self.first) / self.step;
        let node = position.floor();
        // Compared as reals: a point far away has a node beyond the largest index there is.
        let last = self.nodes.len() as f64 - 1.0;
        if !(0.0..last).contains(&node) {
            return 0.0;
        }
        let s = position - node;
        let [a0, a1, a2] = self.nodes[node as usize];
        let [b0, b1, b2] = self.nodes[node as usize + 1];
        // The quintic in s, from 0 to 1, that has the values and both derivatives at the two ends.
        let (d0, d1, d2) = (b0 - a0 - a1 - a2, b1 - a1 - 2.0 * a2, b2 - a2);
        let c3 = 10.0 * d0 - 4.0 * d1 + d2;
        let c4 = -15.0 * d0 + 7.0 * d1 - 2.0 * d2;
        let c5 = 6.0 * d0 - 3.0 * d1 + d2;
        (a0 + s * (a1 + s * (a2 + s * (c3 + s * (c4 + s * c5))))).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::DensityTable;

    #[test]
    fn the_density_is_0_beyond_the_table_however_far() {
        let table = DensityTable {
            first: 0.0,
            step: 1e-3,
            nodes: vec![[1.0, 0.0, 0.0]; 3],
        };
        assert_eq!(table.at(1e-3), 1.0);
        for far in [2.1e-3, 1.0, 1e17, 1e300, f64::INFINITY, f64::NAN] {
            assert_eq!(table.at(far), 0.0, "{far}");
            assert_eq!(table.at(-far), 0.0, "-{far}");
        }
    }
}
