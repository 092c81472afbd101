//! Colours that people who see fewer colours can tell apart.

/// Colours of kinds in papers: those of Okabe and Ito (Color Universal Design, 2008) without the
/// yellow, which cannot be seen on white.
pub(super) const SERIES: [&str; 7] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#000000", "#56b4e9", "#d55e00",
];

/// Colour of lines in papers that are no data.
pub(super) const MUTED: &str = "#595959";

/// Highest place in viridis of a curve on white.
const LIGHTEST: f64 = 0.8;

/// Viridis at nine places, from low to high.
const VIRIDIS: [(u8, u8, u8); 9] = [
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
];

/// The colour of a share from 0 to 1, and that of a text on it.
pub(crate) fn heat(share: f64) -> (String, &'static str) {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let place = share * (VIRIDIS.len() - 1) as f64;
    let index = (place as usize).min(VIRIDIS.len() - 2);
    let mix = |low: u8, high: u8| {
        let part = place - index as f64;
        (f64::from(low) + part * (f64::from(high) - f64::from(low))).round() as u8
    };
    let (low, high) = (VIRIDIS[index], VIRIDIS[index + 1]);
    let (red, green, blue) = (mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2));
    let ink = if share > 0.55 { "#000" } else { "#fff" };
    (format!("#{red:02x}{green:02x}{blue:02x}"), ink)
}

/// The colour of a curve of the k-th of `n` groups that have an order.
pub(super) fn ordered(k: usize, n: usize) -> String {
    heat(LIGHTEST * k as f64 / (n.max(2) - 1) as f64).0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How linear red, green and blue are seen without the cones for red (protanopia) and without
    /// those for green (deuteranopia): Machado, Oliveira and Fernandes, "A Physiologically-based
    /// Model for Simulation of Color Vision Deficiency", 2009, severity 1.
    const SEEN: [(&str, [[f64; 3]; 3]); 3] = [
        (
            "all cones",
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        ),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
    ];

    /// From sRGB to XYZ, for the white of D65.
    const XYZ: [[f64; 3]; 3] = [
        [0.412_456_4, 0.357_576_1, 0.180_437_5],
        [0.212_672_9, 0.715_152_2, 0.072_175_0],
        [0.019_333_9, 0.119_192_0, 0.950_304_1],
    ];

    const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];

    fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
    }

    /// Red, green and blue as light.
    fn linear(colour: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    /// L*, a* and b* of CIE 1976.
    fn lab(light: [f64; 3]) -> [f64; 3] {
        let xyz = times(&XYZ, light);
        let [x, y, z] = [0, 1, 2].map(|k| {
            let share = xyz[k] / WHITE[k];
            if share > 216.0 / 24_389.0 {
                share.cbrt()
            } else {
                (24_389.0 / 27.0 * share + 16.0) / 116.0
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// The difference of two colours, as they are seen; 2.3 is just noticed.
    fn difference(matrix: &[[f64; 3]; 3], a: &str, b: &str) -> f64 {
        let seen = |colour: &str| {
            let light = times(matrix, linear(colour));
            lab(light.map(|value| value.clamp(0.0, 1.0)))
        };
        let squares = seen(a).into_iter().zip(seen(b));
        let squares = squares.map(|(a, b)| (a - b).powi(2));
        squares.sum::<f64>().sqrt()
    }

    #[test]
    fn kinds_in_papers_differ_for_people_without_cones_for_red_or_green() {
        for (name, matrix) in SEEN {
            for (k, a) in SERIES.iter().enumerate() {
                for b in &SERIES[..k] {
                    let difference = difference(&matrix, a, b);
                    assert!(difference >= 17.0, "{name}: {a} {b}: {difference}");
                }
                let from_white = difference(&matrix, a, "#ffffff");
                assert!(from_white >= 30.0, "{name}: {a}: {from_white} from white");
            }
        }
    }

    #[test]
    fn ordered_groups_become_lighter_for_everybody() {
        for (name, matrix) in SEEN {
            let lightness = |k: usize| lab(times(&matrix, linear(&ordered(k, 9))))[0];
            let steps = (1..9).map(|k| lightness(k) - lightness(k - 1));
            for (k, step) in steps.enumerate() {
                assert!(step > 4.0, "{name}: group {k}: {step}");
            }
            let from_white = difference(&matrix, &ordered(8, 9), "#ffffff");
            assert!(from_white >= 30.0, "{name}: {from_white} from white");
        }
    }
}
