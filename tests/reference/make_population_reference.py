#!/usr/bin/env python3
"""Makes the reference numbers that densities, divergences and distances of populations are tested against, with numpy and scipy.

    tests/reference/setup                     makes an environment with the pinned packages, runs this and the other scripts
    make_population_reference.py [FOLDER]     writes one `<case>.json` into FOLDER, by default `population/` beside itself

A case is a pair of samples. Small samples are given as hexadecimal, little-endian f64; large
ones are drawn by SplitMix64, which the tests draw again, and given as the parameters of the draw. Densities are scipy's `gaussian_kde` on
1,000 points over the range of both, of which every 20th is kept; divergences are written out over all points.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
from scipy.stats import gaussian_kde, wasserstein_distance

GRID_POINTS = 1000
KEPT = 20
SEED = 20220912

# --- samples that the tests draw again ------------------------------------------------------------


def uniform(seed: int, n: int) -> np.ndarray:
    """SplitMix64's numbers in [0, 1) of 24 bits, exact in f32; state `seed` before the first."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def draw(kind: str, seed: int, n: int, scale: float, shift: float) -> np.ndarray:
    """Values of a kind made of sums, products and quotients alone, so that every language draws the same."""
    if kind == "bell":  # a sum of twelve, almost normal
        values = uniform(seed, 12 * n).reshape(n, 12).sum(axis=1) - 6.0
    elif kind == "skewed":  # a product of three
        values = uniform(seed, 3 * n).reshape(n, 3).prod(axis=1)
    elif kind == "bimodal":
        u = uniform(seed, 5 * n).reshape(n, 5)
        values = np.where(u[:, 4] < 0.3, -3.0, 1.0) + 0.2 * (u[:, 0] + u[:, 1] + u[:, 2] + u[:, 3] - 2.0)
    elif kind == "heavy":  # tails of x^-3
        u = uniform(seed, 2 * n).reshape(n, 2)
        values = (u[:, 0] - 0.5) / (1.0 - u[:, 1] + 2.0**-24) / np.sqrt(1.0 - u[:, 1] + 2.0**-24)
    elif kind == "atoms":  # seven values and a thin continuum
        u = uniform(seed, 2 * n).reshape(n, 2)
        values = np.where(u[:, 1] < 0.1, u[:, 0], np.floor(7.0 * u[:, 0]) / 8.0)
    else:
        raise ValueError(kind)
    return values * scale + shift


# --- what is expected -----------------------------------------------------------------------------


def both_ways(p: np.ndarray, q: np.ndarray) -> float:
    """sum (p - q) ln(p / q); infinite where one alone is 0."""
    if np.any((p == 0) != (q == 0)):
        return math.inf
    known = p > 0
    return float(np.sum((p - q)[known] * (np.log(p[known]) - np.log(q[known]))))


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    def to_middle(a, b):
        known = a > 0
        return np.sum(a[known] * np.log2(2 * a[known] / (a + b)[known]))

    return float((to_middle(p, q) + to_middle(q, p)) / 2)


def expected(a: np.ndarray, b: np.ndarray) -> dict:
    grid = np.linspace(min(a.min(), b.min()), max(a.max(), b.max()), GRID_POINTS)
    kernels = [gaussian_kde(sample) for sample in (a, b)]
    p, q = (kernel(grid) for kernel in kernels)
    divergence = both_ways(p / p.sum(), q / q.sum())
    on_grid = both_ways(p, q)
    return {
        "count": [len(a), len(b)],
        "mean": [float(a.mean()), float(b.mean())],
        "variance": [float(a.var(ddof=1)), float(b.var(ddof=1))],
        "bandwidth": [float(math.sqrt(kernel.covariance[0, 0])) for kernel in kernels],
        "largest": [float(p.max()), float(q.max())],
        "density": [p[::KEPT].tolist(), q[::KEPT].tolist()],
        "jeffreys": None if math.isinf(divergence) else divergence,
        "jensen_shannon": jensen_shannon(p / p.sum(), q / q.sum()),
        "sum_on_grid": None if math.isinf(on_grid) else on_grid,
        "wasserstein": float(wasserstein_distance(a, b)),
    }


def drawn(kind: str, seed: int, n: int, scale: float = 1.0, shift: float = 0.0) -> dict:
    return {"draw": {"kind": kind, "seed": seed, "n": n, "scale": scale, "shift": shift}}


def given(values: np.ndarray) -> dict:
    return {"bits": values.astype("<f8").tobytes().hex()}


def values_of(sample: dict) -> np.ndarray:
    if "draw" in sample:
        return draw(**sample["draw"])
    return np.frombuffer(bytes.fromhex(sample["bits"]), dtype="<f8")


def cases() -> dict[str, list[dict]]:
    random = np.random.default_rng(SEED)
    small = {
        "two_values": [np.array([0.0, 1.0]), np.array([0.25, 3.0])],
        "small_normal": [random.normal(0, 1, 40), random.normal(0.5, 2, 60)],
        "small_f32": [random.normal(0, 0.05, 200).astype("f4").astype("f8"), random.normal(0, 0.06, 100).astype("f4").astype("f8")],
        "repeated": [random.integers(0, 5, 300) / 4, random.integers(1, 7, 200) / 4],
        "outlier": [np.append(random.normal(0, 1, 300), 400.0), random.normal(0, 1, 300)],
        "far_apart": [random.normal(0, 1, 100), random.normal(1e4, 1, 100)],
        "shifted": [1e6 + random.normal(0, 1, 500), 1e6 + random.normal(0.2, 1, 500)],
        "tiny": [1e-30 * random.normal(0, 1, 200), 1e-30 * random.normal(0, 2, 200)],
    }
    large = {
        "bell_20k": [drawn("bell", 1, 20_000, 0.05), drawn("bell", 2, 30_000, 0.06, 0.01)],
        "skewed_20k": [drawn("skewed", 3, 20_000), drawn("skewed", 4, 20_000, 1.5)],
        "bimodal_20k": [drawn("bimodal", 5, 20_000), drawn("bimodal", 6, 25_000, 1.0, 0.1)],
        "heavy_20k": [drawn("heavy", 7, 20_000), drawn("heavy", 8, 20_000, 1.3)],
        "atoms_20k": [drawn("atoms", 9, 20_000), drawn("atoms", 10, 20_000, 1.0, 0.01)],
        "shifted_20k": [drawn("bell", 11, 20_000, 1.0, 50.0), drawn("bell", 12, 20_000, 1.0, 50.2)],
        "bell_500k": [drawn("bell", 13, 500_000, 0.05), drawn("bell", 14, 5_000, 0.06, 0.01)],
    }
    return {name: [given(sample) for sample in pair] for name, pair in small.items()} | large


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "population"
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in cases().items():
        numbers = expected(*(values_of(sample) for sample in samples))
        text = json.dumps({"samples": samples, "expected": numbers}, indent=1)
        (folder / f"{name}.json").write_text(text + "\n")
        print(name)


if __name__ == "__main__":
    main()
