#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/limit-cycle beside NumPy: van der Pol's cycle from a Runge-Kutta integration of its own at two step sizes, extrapolated; cycles of the Henon map by
iterating it, their multipliers from products of Jacobians, the numbers of cycles from the literature."""
from collections import Counter

from example import main, np, run


def van_der_pol(z):
    x, y, s = z
    return np.array([y, (1 - x * x) * y - x, 1 - x * x])


def rk4(z, h):
    a = van_der_pol(z)
    b = van_der_pol(z + h / 2 * a)
    c = van_der_pol(z + h / 2 * b)
    return z + h / 6 * (a + 2 * b + 2 * c + van_der_pol(z + h * c))


def cycle(h):
    """Period, largest x and integrated divergence, between two upper turning points (y = 0) after a transient; the last step by Newton's method."""
    z, marks, t = np.array([2.0, 0.0, 0.0]), [], 0.0
    while len(marks) < 6:
        new = rk4(z, h)
        if z[1] > 0 >= new[1]:
            part = h * z[1] / (z[1] - new[1])
            for _ in range(6):
                at = rk4(z, part)
                part -= at[1] / van_der_pol(at)[1]
            marks.append(np.concatenate([[t + part], rk4(z, part)]))
        z, t = new, t + h
    last, before = marks[-1], marks[-2]
    return np.array([last[0] - before[0], last[1], last[3] - before[3]])


def test(check, program, directory):
    g = run(program, "limit-cycle/van-der-pol.toml", directory)["cycle"]
    coarse, fine = cycle(0.01), cycle(0.005)
    period, top, growth = fine + (fine - coarse) / 15
    check.near("NumPy: period", period, 6.6632868593231, 1e-9)
    check.near("number of orbits", g["n_orbit"][()], 1, 0)
    check.near("period", g["period"][0], 6.6632868593231, 1e-11)
    check.near("trivial multiplier", g["multiplier"][0, 0, 0], 1, 1e-9)
    check.near("multiplier", g["multiplier"][0, 1, 0], np.exp(growth), 1e-8 * np.exp(growth))
    check.near("README: multiplier", g["multiplier"][0, 1, 0], 8.5969506e-4, 1e-11)
    check.near("README: largest x", top, 2.0086198609, 1e-8)
    check.near("stable", g["stable"][0], 1, 0)
    x = g["x"][0]
    for k in range(0, 64, 8):  # an eighth of a period from phase to phase
        z, steps = np.array([x[k, 0], x[k, 1], 0.0]), 400
        for _ in range(steps):
            z = rk4(z, period / 8 / steps)
        check.near("phase %d to %d" % (k, (k + 8) % 64), np.abs(z[:2] - x[(k + 8) % 64]).max(), 0, 1e-8)

    g = run(program, "limit-cycle/henon.toml", directory)["cycles"]
    a, b = 1.4, 0.3
    periods = [int(p) for p in g["period"]]
    check.true("numbers of cycles", Counter(periods) == {1: 1, 2: 1, 4: 1, 6: 2, 7: 4}, str(periods))
    for k, p in enumerate(periods):
        x, M = g["x"][k], np.eye(2)
        worst = 0.0
        for i in range(p):
            worst = max(worst, np.abs([1 - a * x[i, 0]**2 + x[i, 1] - x[(i + 1) % p, 0], b * x[i, 0] - x[(i + 1) % p, 1]]).max())
            M = np.array([[-2 * a * x[i, 0], 1], [b, 0]]) @ M
        check.near("period %d closes" % p, worst, 0, 1e-12)
        big = g["multiplier"][k, 0, 0]  # all are saddles with real multipliers
        check.near("its larger multiplier", big, max(np.linalg.eigvals(M).real, key=abs), 1e-9 * abs(big))
        check.near("product of the multipliers", big * g["multiplier"][k, 1, 0], (-b)**p, 1e-9)
    pair = np.sort(g["x"][1, :2, 0])
    root = np.sqrt(((1 - b) / a)**2 / 4 - ((1 - b)**2 - a) / a**2)
    check.near("period 2 in closed form", np.abs(pair - ((1 - b) / (2 * a) + root * np.array([-1, 1]))).max(), 0, 1e-13)


main(test)
