# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Theory of associative memories, for the tests of examples/hopfield-capacity (standard library only).

Hebb's rule at zero temperature, replica-symmetric (D. J. Amit, H. Gutfreund, H. Sompolinsky, Phys. Rev. Lett. 55 (1985) 1530, Ann. Phys. 173 (1987) 30):
    m = erf(m/sqrt(2 alpha r)),   C = sqrt(2/(pi alpha r)) exp(-m^2/(2 alpha r)),   r = 1/(1 - C)^2.
With y = m/sqrt(2 alpha r) these are one equation, y (sqrt(2 alpha) + (2/sqrt pi) e^(-y^2)) = erf y; the retrieval state is its largest root."""
from math import erf, exp, pi, sqrt, tanh


def overlap(alpha):
    """m(alpha) of the retrieval state; 0 above the capacity."""
    def f(y):
        return erf(y) - y * (sqrt(2 * alpha) + 2 / sqrt(pi) * exp(-y * y))
    y, step = 12.0, 0.001
    while y > 0.2 and f(y) < 0:
        y -= step
    if y <= 0.2:
        return 0.0
    a, b = y, y + step
    for _ in range(80):
        c = (a + b) / 2
        a, b = (c, b) if f(c) > 0 else (a, c)
    return erf(a)


def capacity():
    """alpha_c: the largest load with a retrieval state."""
    a, b = 0.1, 0.2
    for _ in range(50):
        c = (a + b) / 2
        a, b = (c, b) if overlap(c) > 0 else (a, c)
    return a


def warm_overlap(alpha, T):
    """m(alpha, T) of the retrieval state at temperature T > 0 (same papers): m = <tanh>, q = <tanh^2> of (m + sqrt(alpha r) z)/T over a normal z,
    r = q/(1 - (1 - q)/T)^2; 0 without one. Fixed-point iteration, the averages by the trapezoidal rule."""
    grid = [(k / 100, exp(-(k / 100) ** 2 / 2)) for k in range(-600, 601)]
    weight = sum(w for _, w in grid)
    m, r = 1.0, 1.2
    for _ in range(3000):
        t = [(w / weight, tanh((m + sqrt(alpha * r) * z) / T)) for z, w in grid]
        new, q = sum(w * x for w, x in t), sum(w * x * x for w, x in t)
        chi = (1 - q) / T
        if chi >= 1 or new < 0.1:
            return 0.0
        change = abs(new - m) + abs(q / (1 - chi) ** 2 - r)
        m, r = new, 0.5 * r + 0.5 * q / (1 - chi) ** 2
        if change < 1e-9:
            break
    return m


def warm_capacity(T, lo=0.1, hi=0.16):
    """alpha_c(T) to about 1e-4."""
    while hi - lo > 1e-4:
        c = (lo + hi) / 2
        lo, hi = (c, hi) if warm_overlap(c, T) > 0.5 else (lo, c)
    return lo
