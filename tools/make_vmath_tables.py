#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Golden tables tests/data/vmath_*.csv, and with --fit the polynomials of src/core/kernels/vmath_inline.h. Needs mpmath.

A line is: x, f(x) rounded to double (both as C hexadecimal), and f(x) minus that double in ulps of f(x); an ulp is
2^max(e - 52, -1074) for 2^e <= |f| < 2^(e+1). So a test knows the error of any other double to 1e-6 ulp.
"""
import argparse
import os
import random

from mpmath import mp, mpf

mp.prec = 300


FUNCTIONS = {
    "exp": mp.exp, "expm1": mp.expm1, "log": mp.log, "tanh": mp.tanh, "erf": mp.erf, "sinpi": mp.sinpi, "cospi": mp.cospi,
}


def points(name, rng):
    """Random numbers over the range and the hard spots of each function."""
    U = rng.uniform
    sign = lambda: rng.choice((-1.0, 1.0))
    tiny = lambda n: [sign() * 2.0 ** U(-1074, -1) for _ in range(n)]
    around = lambda centre, n: [centre + sign() * 2.0 ** U(-50, -2) for _ in range(n)]
    ends = [5e-324, 2.0 ** -1022, 2.0 ** -1022 - 2.0 ** -1074]
    if name == "exp":
        return ([U(-745, 709.7) for _ in range(400)] + [U(-1, 1) for _ in range(400)] + tiny(100) + ends
                + [U(-745.13, -708) for _ in range(150)] + [U(709, 709.78) for _ in range(60)]
                + [709.782712893384, -745.1332191019411, -744.4400719213812, -708.3964185322641]
                + [(k + 0.5) * 0.6931471805599453 for k in range(-40, 40)])
    if name == "expm1":
        return ([U(-38, 709.7) for _ in range(300)] + [U(-2, 2) for _ in range(500)] + tiny(100) + ends
                + [U(709, 709.78) for _ in range(60)] + [709.782712893384, -36.7, -37.5, -50.0, -1e300]
                + [(k + 0.5) * 0.6931471805599453 + d for k in range(-20, 20) for d in (-1e-9, 1e-9)])
    if name == "log":
        return ([U(0, 3) for _ in range(250)] + [U(0.5, 2) for _ in range(400)] + [2.0 ** U(-1074, 1023.99) for _ in range(250)]
                + [x for x in around(1.0, 250)] + ends + [1.7976931348623157e308, 1 - 2.0 ** -53, 1 + 2.0 ** -52]
                + [2.0 ** k * m * (1 + d) for k in (-3, 0, 5) for m in (2 ** 0.5, 0.5 ** 0.5)
                   for d in (-1e-15, 0, 1e-15, 1e-6, -1e-6)])
    if name == "tanh":
        return ([U(-3, 3) for _ in range(400)] + [U(-22, 22) for _ in range(150)] + [U(0.17, 0.57) for _ in range(400)]
                + tiny(120) + ends + [19.06, 19.0615, 18.7, 22.0, 1e308])
    if name == "erf":
        return ([U(-6.2, 6.2) for _ in range(350)] + [U(-1, 1) for _ in range(300)] + [U(0.8, 1.4) for _ in range(250)]
                + tiny(120) + ends + [1.0, 1 - 2.0 ** -53, 5.92, 5.93, 6.0, 6.1, 1e308])
    halves = [0.5 * k + sign() * 2.0 ** U(-52, -4) for k in range(-24, 25) for _ in range(4)]
    return ([U(-2, 2) for _ in range(450)] + [sign() * 2.0 ** U(0, 53) for _ in range(200)] + halves + tiny(120) + ends
            + [0.25 * k for k in range(-17, 18)] + [float(rng.randrange(2 ** 53)) / 4 for _ in range(80)]
            + [2.0 ** 52 - 0.5, 2.0 ** 52 + 1, 2.0 ** 53 - 1, 2.0 ** 53, 1e300])


def write_table(name, folder):
    f = FUNCTIONS[name]
    rng = random.Random("vmath " + name)
    with open(os.path.join(folder, "vmath_%s.csv" % name), "w", encoding="ascii") as out:
        out.write("# %s: x, rounded value, remainder in ulps; tools/make_vmath_tables.py with mpmath at 300 bits\n" % name)
        for x in sorted(set(points(name, rng))):
            exact = f(mpf(x))
            y = float(exact)
            if exact == 0:
                ulp = mpf(1)
            else:
                ulp = mpf(2) ** max(mp.floor(mp.log(abs(exact), 2)) - 52, -1074)
            out.write("%s,%s,%.6f\n" % (x.hex(), y.hex(), float((exact - mpf(y)) / ulp)))


def remez(f, weight, a, b, degree):
    """Coefficients of p that minimise max |weight (f - p)| on [a, b], and that maximum."""
    a, b, n = mpf(a), mpf(b), degree
    at = lambda i, m: (a + b) / 2 - (b - a) / 2 * mp.cospi(mpf(i) / m)
    G = 60 * (n + 2)
    grid = [at(i, G) for i in range(G + 1)]
    values, weights = [f(x) for x in grid], [weight(x) for x in grid]
    nodes = [at(i, n + 1) for i in range(n + 2)]
    for _ in range(12):
        A, B = mp.matrix(n + 2, n + 2), mp.matrix(n + 2, 1)
        for i, x in enumerate(nodes):
            for j in range(n + 1):
                A[i, j] = x ** j
            A[i, n + 1] = (-1) ** i / weight(x)
            B[i] = f(x)
        s = mp.lu_solve(A, B)
        c = [s[j] for j in range(n + 1)]
        e = [w * (v - mp.polyval(c[::-1], x)) for x, v, w in zip(grid, values, weights)]
        worst = max(abs(v) for v in e)
        extrema, i = [], 0
        while i <= G:
            k, best = i, i
            while k <= G and (e[k] >= 0) == (e[i] >= 0):
                best = k if abs(e[k]) > abs(e[best]) else best
                k += 1
            extrema.append(best)
            i = k
        if len(extrema) < n + 2:
            break
        while len(extrema) > n + 2:
            extrema.pop(0 if abs(e[extrema[0]]) < abs(e[extrema[-1]]) else -1)
        nodes = [grid[i] for i in extrema]
        if worst < abs(s[n + 1]) * mpf("1.001"):
            break
    return c, worst


def fit():
    series = lambda term, first, last: lambda z: mp.fsum(term(k) * z ** (k - first) for k in range(first, last))
    small = mpf(10) ** -30
    by = lambda g: lambda z: g(z) if z else small
    half = mp.log(2) / 2 * mpf("1.001")
    T = (mp.log(3) - mp.log(2)) / 2 + mpf("0.0003")
    S = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mpf("1.0005")) ** 2
    Q = mpf(1) / 16 * mpf("1.0001")
    u = lambda x: (mpf(x) - mpf(2.5)) / (mpf(x) + 3)
    x_of = lambda v: (mpf(2.5) + 3 * v) / (1 - v)
    cases = (
        ("exp: (e^r - 1 - r - r^2/2)/r^3", series(lambda k: 1 / mp.factorial(k), 3, 60), by(lambda r: r * r), -half, half, 8),
        ("log: P", series(lambda k: mpf(2) / (2 * k + 1), 1, 70), by(lambda z: z), 0, S, 6),
        ("sinpi: S", series(lambda k: (-1) ** k * mp.pi ** (2 * k + 1) / mp.factorial(2 * k + 1), 1, 40), by(lambda z: z / 3), 0, Q, 5),
        ("cospi: C", series(lambda k: (-1) ** k * mp.pi ** (2 * k) / mp.factorial(2 * k), 1, 40), by(lambda z: z), 0, Q, 6),
        ("tanh: P of h coth h = 1 + h^2 P", series(lambda k: mpf(4) ** k * mp.bernoulli(2 * k) / mp.factorial(2 * k), 1, 30),
         by(lambda z: z), 0, T ** 2, 4),
        ("erf: E", lambda z: (mp.erf(mp.sqrt(z)) / mp.sqrt(z) if z else 2 / mp.sqrt(mp.pi)) - 1, lambda z: mpf(1), 0, mpf("1.0001"), 12),
        ("erf: g", lambda v: mp.exp(x_of(v) ** 2) * mp.erfc(x_of(v)), lambda v: mp.exp(-x_of(v) ** 2), u("0.999"), u(6), 12),
    )
    for name, f, weight, a, b, degree in cases:
        c, worst = remez(f, weight, a, b, degree)
        print("%s: weighted error 2^%.2f" % (name, float(mp.log(worst, 2))))
        print("   " + ", ".join(float(v).hex() for v in c))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="print the polynomials instead")
    parser.add_argument("--folder", default=os.path.join(os.path.dirname(__file__), "..", "tests", "data"))
    arguments = parser.parse_args()
    if arguments.fit:
        fit()
    else:
        for name in FUNCTIONS:
            write_table(name, arguments.folder)


if __name__ == "__main__":
    main()
