//! Lines with fewer points that look the same.

/// How far a point that is left out may be from the line, in pixels.
const DISTANCE: f64 = 0.15;

/// The points of a line without those that are nearly on the line through the others.
///
/// Source: Ramer, Computer Graphics and Image Processing 1 (1972); Douglas and Peucker, The
/// Canadian Cartographer 10 (1973).
pub(super) fn simplified(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let mut is_kept = vec![false; points.len()];
    let last = points.len() - 1;
    (is_kept[0], is_kept[last]) = (true, true);
    let mut pieces = vec![(0, last)];
    while let Some((from, to)) = pieces.pop() {
        if let Some(farthest) = farthest(points, from, to) {
            is_kept[farthest] = true;
            pieces.push((from, farthest));
            pieces.push((farthest, to));
        }
    }
    let kept = points.iter().zip(is_kept).filter(|(_, is_kept)| *is_kept);
    kept.map(|(point, _)| *point).collect()
}

/// The point between two others that is farthest from the line through them, if it is too far.
fn farthest(points: &[(f64, f64)], from: usize, to: usize) -> Option<usize> {
    let distances = (from + 1..to).map(|index| {
        let distance = distance(points[index], points[from], points[to]);
        (index, distance)
    });
    let farthest = distances.max_by(|a, b| a.1.total_cmp(&b.1));
    farthest
        .filter(|(_, distance)| *distance > DISTANCE)
        .map(|(index, _)| index)
}

/// The distance of a point from the line through two others, or from them if they are one.
fn distance((x, y): (f64, f64), (ax, ay): (f64, f64), (bx, by): (f64, f64)) -> f64 {
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx.hypot(dy);
    if length == 0.0 {
        return (x - ax).hypot(y - ay);
    }
    ((x - ax) * dy - (y - ay) * dx).abs() / length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_keeps_its_form_in_fewer_points() {
        let curve = |x: f64| 100.0 * (-0.02 * (x - 50.0) * (x - 50.0)).exp();
        let points: Vec<(f64, f64)> = (0..1000)
            .map(|i| f64::from(i) / 10.0)
            .map(|x| (x, curve(x)))
            .collect();
        let kept = simplified(&points);
        assert!(kept.len() < 100, "{}", kept.len());
        for pair in kept.windows(2) {
            let middle = ((pair[0].0 + pair[1].0) / 2.0, (pair[0].1 + pair[1].1) / 2.0);
            let nearest = points
                .iter()
                .map(|p| (p.0 - middle.0).hypot(p.1 - middle.1));
            assert!(nearest.fold(f64::INFINITY, f64::min) < 0.7, "{middle:?}");
        }
    }

    #[test]
    fn corners_and_ends_stay() {
        let points = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 5.0), (2.0, 9.0)];
        assert_eq!(simplified(&points), [(0.0, 0.0), (2.0, 0.0), (2.0, 9.0)]);
        let closed = [(0.0, 0.0), (3.0, 0.0), (0.0, 0.0)];
        assert_eq!(simplified(&closed), closed);
    }
}
