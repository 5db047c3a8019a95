# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Theory of associative memories, for the tests of examples/hopfield-capacity.

Hebb's rule at zero temperature, replica-symmetric (D. J. Amit, H. Gutfreund, H. Sompolinsky, Phys. Rev. Lett. 55 (1985) 1530, Ann. Phys. 173 (1987) 30):
    m = erf(m/sqrt(2 alpha r)),   C = sqrt(2/(pi alpha r)) exp(-m^2/(2 alpha r)),   r = 1/(1 - C)^2.
With y = m/sqrt(2 alpha r) these are one equation, y (sqrt(2 alpha) + (2/sqrt pi) e^(-y^2)) = erf y; the retrieval state is its largest root."""
from math import erf, exp, pi, sqrt


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
