#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/fixed-points against Newton's method in NumPy from every point of a grid: the same points, eigenvalues and indices."""
import itertools

from example import main, np, run


def roots(F, J, starts, size=2.0):
    found = []
    for x in starts:
        x = np.array(x, dtype=float)
        for _ in range(60):
            try:
                step = np.linalg.solve(J(x), F(x))
            except np.linalg.LinAlgError:
                break
            x = x - step * min(1.0, 0.3 / (np.abs(step).max() + 1e-300))
            if np.abs(step).max() < 1e-14:
                break
        good = np.all(np.isfinite(x)) and np.abs(F(x)).max() < 1e-12 and np.abs(x).max() < size
        if good and all(np.abs(x - y).max() > 1e-6 for y in found):
            found.append(x)
    return np.array(found)


def compare(check, what, group, points, matrix, is_map):
    x = group["x"][:]
    check.true("%s: as many points as NumPy finds" % what, len(x) == len(points), "%d, %d" % (len(x), len(points)))
    index_sum = 0
    for k, y in enumerate(x):
        far = np.abs(points - y).max(axis=1).min()
        check.near("%s: point %d, distance to NumPy's" % (what, k), far, 0, 1e-12)
        w = np.linalg.eigvals(matrix(y))
        growth = np.log(np.abs(w)) if is_map else w.real
        check.near("%s: point %d, rate of the slowest mode" % (what, k), group["slowest_rate"][k], -growth.max(), 1e-10)
        check.true("%s: point %d, unstable directions" % (what, k), group["n_unstable"][k] == (growth > 0).sum())
        index = np.sign(np.linalg.det(np.eye(len(y)) - matrix(y) if is_map else -matrix(y)))
        check.true("%s: point %d, index" % (what, k), group["index"][k] == index)
        index_sum += index
    check.true("%s: the indices add up to 1" % what, index_sum == 1 == group["index_sum"][()] == group["index_expected"][()])
    check.true("%s: proved complete" % what, group["proven_complete"][()] == 1)


def test(check, program, directory):
    beta = 10.0

    def F(x):
        return np.array([x[0] - x[0]**3 - beta * x[0] * x[1]**2, -(1 + x[0]**2) * x[1]])

    def J(x):
        return np.array([[1 - 3 * x[0]**2 - beta * x[1]**2, -2 * beta * x[0] * x[1]], [-2 * x[0] * x[1], -1 - x[0]**2]])
    r = run(program, "fixed-points/maier-stein.toml", directory)
    grid = np.linspace(-1.9, 1.9, 14)
    compare(check, "Maier-Stein", r["points"], roots(F, J, itertools.product(grid, grid)), J, False)
    kinds = [v.decode() if isinstance(v, bytes) else v for v in r["points"]["kind"][:]]
    check.true("Maier-Stein: kinds", kinds == ["stable node", "stable node", "saddle"], str(kinds))
    r.close()

    W = np.array([[2.0, 0.1, -0.05], [-0.1, 2.0, 0.1], [0.05, -0.1, 2.0]])
    b = np.array([0.02, -0.03, 0.01])

    def K(h):
        return (1 - np.tanh(W @ h + b)**2)[:, None] * W
    grid = np.linspace(-1.05, 1.05, 8)
    points = roots(lambda h: np.tanh(W @ h + b) - h, lambda h: K(h) - np.eye(3), itertools.product(grid, grid, grid), 1.5)
    r = run(program, "fixed-points/flip-flop.toml", directory)
    compare(check, "flip-flop", r["points"], points, K, True)
    counts = np.bincount(r["points"]["n_unstable"][:])
    check.true("flip-flop: 8 memories, 12 saddles between them, 6, 1", list(counts) == [8, 12, 6, 1], str(counts))
    check.true("flip-flop: stable points first", np.all(np.diff(r["points"]["n_unstable"][:]) >= 0))
    r.close()

    r = run(program, "fixed-points/flip-flop.toml", directory, "task.points.interval=false")
    g = r["points"]
    check.true("without the proof: the same points, not called complete",
               len(g["x"][:]) == 27 and g["proven_complete"][()] == 0 and 0 < g["unseen_mass_hi"][()] < 0.02,
               "unseen mass at most %.3g" % g["unseen_mass_hi"][()])
    r.close()


main(test)
