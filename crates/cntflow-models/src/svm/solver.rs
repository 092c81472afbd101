//! Sequential minimal optimisation: the quadratic problem behind support vector machines.
//!
//! Two variables are changed at a time, chosen by second-order information (Fan, Chen and Lin,
//! Working Set Selection Using Second Order Information for Training Support Vector Machines,
//! 2005), as in libsvm.

/// The solver stops when the optimality conditions are violated by less than this, as libsvm does
/// by default.
const TOLERANCE: f64 = 1e-3;
/// The curvature along a pair of variables counts as at least this, for rows that are equal.
const MIN_CURVATURE: f64 = 1e-12;
/// Largest number of iterations per variable, and in all if that is more.
const ITERATIONS_PER_VARIABLE: usize = 200;
const MIN_ITERATIONS: usize = 200_000;

/// `min 1/2 sum_ij a_i a_j s_i s_j K(i, j) + sum_i p_i a_i` with `sum_i s_i a_i = 0` and
/// `0 <= a_i <= cost`.
pub(super) struct Problem<'a> {
    /// The kernel matrix, n times n. Variable i belongs to row i modulo n.
    pub(super) kernel: &'a [f64],
    pub(super) n: usize,
    /// The sign of each variable, 1 or -1.
    pub(super) signs: Vec<f64>,
    /// The linear terms p.
    pub(super) linear: Vec<f64>,
    pub(super) cost: f64,
}

/// The solution of a [`Problem`].
pub(super) struct Solution {
    /// For each row, the sum of `s_i a_i` over its variables.
    pub(super) coefficients: Vec<f64>,
    /// What is subtracted from the weighted sum of kernels.
    pub(super) offset: f64,
    /// False if the solver stopped at its largest number of iterations.
    pub(super) has_converged: bool,
}

impl Problem<'_> {
    pub(super) fn solve(&self) -> Solution {
        let m = self.signs.len();
        let mut variables = vec![0.0; m];
        // `s_i` times the derivative by variable i.
        let mut slopes: Vec<f64> = self
            .signs
            .iter()
            .zip(&self.linear)
            .map(|(sign, linear)| sign * linear)
            .collect();
        let n_iterations = (ITERATIONS_PER_VARIABLE * m).max(MIN_ITERATIONS);
        let mut has_converged = false;
        for _ in 0..n_iterations {
            let Some((up, down)) = self.choose_pair(&variables, &slopes) else {
                has_converged = true;
                break;
            };
            let (row_up, row_down) = (up % self.n, down % self.n);
            let step = (slopes[down] - slopes[up]) / self.curvature(row_up, row_down);
            // The pair moves along its signs, so that the equality holds, until one is at a bound.
            let step = step
                .min(self.room(variables[up], self.signs[up]))
                .min(self.room(variables[down], -self.signs[down]));
            self.shift(&mut variables[up], self.signs[up] * step);
            self.shift(&mut variables[down], -self.signs[down] * step);
            let (kernel_up, kernel_down) = (self.kernel_row(row_up), self.kernel_row(row_down));
            for slopes in slopes.chunks_exact_mut(self.n) {
                for ((slope, up), down) in slopes.iter_mut().zip(kernel_up).zip(kernel_down) {
                    *slope += step * (up - down);
                }
            }
        }
        let mut coefficients = vec![0.0; self.n];
        for (index, (variable, sign)) in variables.iter().zip(&self.signs).enumerate() {
            coefficients[index % self.n] += sign * variable;
        }
        let offset = self.offset(&variables, &slopes);
        Solution {
            coefficients,
            offset,
            has_converged,
        }
    }

    fn kernel_row(&self, row: usize) -> &[f64] {
        &self.kernel[row * self.n..(row + 1) * self.n]
    }

    fn curvature(&self, a: usize, b: usize) -> f64 {
        let kernel = |a: usize, b: usize| self.kernel[a * self.n + b];
        (kernel(a, a) + kernel(b, b) - 2.0 * kernel(a, b)).max(MIN_CURVATURE)
    }

    /// How far a variable can move along a sign.
    fn room(&self, variable: f64, sign: f64) -> f64 {
        if sign > 0.0 {
            self.cost - variable
        } else {
            variable
        }
    }

    fn shift(&self, variable: &mut f64, change: f64) {
        *variable = (*variable + change).clamp(0.0, self.cost);
        // Rounding must not leave a variable next to its bound: it would count as free.
        if self.cost - *variable <= 1e-14 * self.cost {
            *variable = self.cost;
        } else if *variable <= 1e-14 * self.cost {
            *variable = 0.0;
        }
    }

    /// The variable with the steepest descent, and the one that promises most with it; `None` at
    /// the optimum. Of equal variables the first is chosen.
    fn choose_pair(&self, variables: &[f64], slopes: &[f64]) -> Option<(usize, usize)> {
        let (mut up, mut steepest) = (None, f64::INFINITY);
        let mut largest = f64::NEG_INFINITY;
        for (index, &slope) in slopes.iter().enumerate() {
            if slope < steepest && self.room(variables[index], self.signs[index]) > 0.0 {
                (up, steepest) = (Some(index), slope);
            }
            if slope > largest && self.room(variables[index], -self.signs[index]) > 0.0 {
                largest = slope;
            }
        }
        if largest - steepest < TOLERANCE {
            return None;
        }
        let up = up?;
        let row_up = up % self.n;
        let kernel_up = self.kernel_row(row_up);
        let (mut down, mut best) = (None, 0.0);
        for (index, &slope) in slopes.iter().enumerate() {
            let difference = slope - steepest;
            if difference > 0.0 && self.room(variables[index], -self.signs[index]) > 0.0 {
                let row = index % self.n;
                let own = self.kernel[row * self.n + row] + kernel_up[row_up];
                let curvature = (own - 2.0 * kernel_up[row]).max(MIN_CURVATURE);
                let gain = difference * difference / curvature;
                if gain > best {
                    (down, best) = (Some(index), gain);
                }
            }
        }
        down.map(|down| (up, down))
    }

    /// The slope that all free variables share, as their mean. Without any, the middle of what the
    /// variables at their bounds allow.
    fn offset(&self, variables: &[f64], slopes: &[f64]) -> f64 {
        let (mut n_free, mut sum) = (0.0, 0.0);
        let (mut lowest, mut highest) = (f64::NEG_INFINITY, f64::INFINITY);
        for (index, &slope) in slopes.iter().enumerate() {
            let can_rise = self.room(variables[index], self.signs[index]) > 0.0;
            let can_fall = self.room(variables[index], -self.signs[index]) > 0.0;
            if can_rise && can_fall {
                n_free += 1.0;
                sum += slope;
            } else if can_rise {
                highest = highest.min(slope);
            } else {
                lowest = lowest.max(slope);
            }
        }
        if n_free > 0.0 {
            sum / n_free
        } else {
            (lowest + highest) / 2.0
        }
    }
}
