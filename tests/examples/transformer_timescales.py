#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/transformer-timescales beside NumPy: multipliers of the same matrix, their rates, density, exponent, kernel and non-normality; and prepare.py
itself on a small transformer with random weights, beside central differences."""
import importlib.util
import os

from example import EXAMPLES, main, np, run

FOLDER = os.path.join(EXAMPLES, "transformer-timescales")


def exponent(rates, a, b):
    """Maximum likelihood of rho ~ rate^beta on [a, b] (Clauset et al. 2009, truncated): sum ln(rate) = n d/dbeta ln((b^(beta+1) - a^(beta+1))/(beta+1))."""
    logs = np.log(rates[(rates >= a) & (rates <= b)])

    def slope(beta):
        s = beta + 1
        if abs(s) < 1e-9:
            return logs.mean() - 0.5 * (np.log(a) + np.log(b))
        return logs.mean() - (b**s * np.log(b) - a**s * np.log(a)) / (b**s - a**s) + 1 / s

    lo, hi = -20.0, 20.0
    for _ in range(200):
        mid = 0.5 * (lo + hi)
        lo, hi = (mid, hi) if slope(mid) > 0 else (lo, mid)
    return lo, len(logs)


def prepared(check):
    """dh'_t/dh_t of a block with random weights (24 numbers a token, 12 heads of 2, 5 tokens), every column by central differences."""
    spec = importlib.util.spec_from_file_location("prepare", os.path.join(FOLDER, "prepare.py"))
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    rng = np.random.default_rng(3)
    n, wide, w = 24, 40, {}
    for name, rows, columns in (("attention.self.query", n, n), ("attention.self.key", n, n), ("attention.self.value", n, n), ("attention.output.dense", n, n),
                                ("intermediate.dense", wide, n), ("output.dense", n, wide)):
        w[name + ".weight"], w[name + ".bias"] = rng.standard_normal((rows, columns)) / np.sqrt(columns), 0.1 * rng.standard_normal(rows)
    for name in ("attention.output.LayerNorm", "output.LayerNorm"):
        w[name + ".weight"], w[name + ".bias"] = 1 + 0.1 * rng.standard_normal(n), 0.1 * rng.standard_normal(n)
    h, token, eps = rng.standard_normal((5, n)), 2, 1e-5
    _, J = prepare.block(w, "", h, token)
    slopes = np.zeros((n, n))
    for j in range(n):
        d = np.zeros_like(h)
        d[token, j] = eps
        slopes[:, j] = (prepare.block(w, "", h + d)[0] - prepare.block(w, "", h - d)[0])[token] / (2 * eps)
    check.near("the derivative of a block beside central differences", np.abs(J - slopes).max(), 0, 1e-8)


def test(check, program, directory):
    prepared(check)
    J = np.load(os.path.join(FOLDER, "block3.npy")).astype(float)
    n = len(J)
    z, v = np.linalg.eig(J)
    condition = np.linalg.norm(v, axis=0) * np.linalg.norm(np.linalg.inv(v), axis=1)
    order = np.argsort(-np.log(np.abs(z)))
    rates, condition = -np.log(np.abs(z))[order], condition[order]
    s = run(program, "transformer-timescales/transformer-timescales.toml", directory)["block"]
    got = s["relaxation_rate"][0]
    check.true("forty modes", len(got) == 40)
    bound = 1e-14 * n * np.linalg.norm(J, 2) * condition[:40] / np.exp(-rates[:40])
    check.near("slowest rates, over the bound of their rounding error", (np.abs(got - rates[:40]) / bound).max(), 0, 1)
    check.near("modes that grow from block to block", s["n_unstable"][0], (rates < 0).sum(), 0)
    check.near("their conditions, relative", np.abs(s["condition"][0] / condition[:40] - 1).max(), 0, 1e-9)
    edges = np.concatenate([s["bin"][:] - 0.5 * (s["bin"][1] - s["bin"][0]), [s["bin"][-1] + 0.5 * (s["bin"][1] - s["bin"][0])]])
    counts, _ = np.histogram(rates, edges)
    check.near("density of rates, largest difference in modes", np.abs(s["tdos"][0] * np.diff(edges) * n - counts).max(), 0, 1e-6)
    beta, modes = exponent(rates, 0.05, 0.5)
    check.near("infrared exponent", s["infrared_exponent"][0], beta, 1e-6)
    check.near("modes in its window", s["infrared_modes"][0], modes, 0)
    stable = rates[rates > 0]
    check.near("memory kernel", np.abs(s["kernel"][0] - np.exp(-np.outer(s["lag"][:], stable)).mean(1)).max(), 0, 1e-6)
    check.near("growth in one step, ln |J|", s["numerical_abscissa"][0], np.log(np.linalg.norm(J, 2)), 1e-10)
    check.near("departure from normality", s["henrici"][0], np.sqrt(np.linalg.norm(J) ** 2 - (np.abs(z) ** 2).sum()), 1e-8)


main(test)
