# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/equations_derivatives.csv: values, second and third directional derivatives of random expressions, by mpmath.

    f,   d2f[u,v] = d/ds d/dt f(x + s u + t v),   d3f[u,v,w] = d/dr d/ds d/dt f(x + r u + s v + t w)   at 0

The expressions use every smooth function of the grammar and the kinked ones away from their kinks. mpmath differentiates by its
finite differences of mixed order with 200 working digits; a second run with 260 digits must agree to 30, else the expression is drawn
again. Points and directions are multiples of 1/64, so that the doubles of the test are the numbers of this program.

usage: make_equations_derivatives.py > tests/data/equations_derivatives.csv        (mpmath 1.3 or later; about a minute)"""
import random

import mpmath
from mpmath import mp, mpf

SEED = 20260101
ROWS = 110
FUNCTIONS = {
    "exp": ("exp({}/2)", lambda z: mpmath.exp(z / 2)),
    "expm1": ("expm1({}/2)", lambda z: mpmath.expm1(z / 2)),
    "log": ("log(2 + ({})^2)", lambda z: mpmath.log(2 + z**2)),
    "log1p": ("log1p(({})^2/3)", lambda z: mpmath.log1p(z**2 / 3)),
    "sqrt": ("sqrt(1 + ({})^2)", lambda z: mpmath.sqrt(1 + z**2)),
    "sin": ("sin({})", mpmath.sin),
    "cos": ("cos({})", mpmath.cos),
    "tan": ("tan(sin({})/2)", lambda z: mpmath.tan(mpmath.sin(z) / 2)),
    "tanh": ("tanh({})", mpmath.tanh),
    "sinh": ("sinh({}/2)", lambda z: mpmath.sinh(z / 2)),
    "cosh": ("cosh({}/2)", lambda z: mpmath.cosh(z / 2)),
    "erf": ("erf({})", mpmath.erf),
    "atan": ("atan({})", mpmath.atan),
    "power": ("(1.5 + ({})^2)^0.75", lambda z: (mpf("1.5") + z**2) ** mpf("0.75")),
    "cube": ("({})^3", lambda z: z**3),
    "inverse": ("1/(2 + ({})^2)", lambda z: 1 / (2 + z**2)),
    "square": ("pow({}, 2)", lambda z: z**2),
}
LEAVES = [("x", lambda p: p[0]), ("y", lambda p: p[1]), ("z", lambda p: p[2]), ("0.75", lambda p: mpf("0.75")),
          ("x", lambda p: p[0]), ("y", lambda p: p[1]), ("z", lambda p: p[2])]


class Kink(Exception):
    """The point is too near to a kink."""


def draw(rng, depth):
    """(text, function of (x, y, z))"""
    if depth == 0:
        return rng.choice(LEAVES)
    kind = rng.randrange(10)
    if kind < 5:
        text, f = FUNCTIONS[rng.choice(sorted(FUNCTIONS))]
        t, g = draw(rng, depth - 1)
        return text.format(f"({t})"), lambda p: f(g(p))
    a, f = draw(rng, depth - 1)
    b, g = draw(rng, depth - 1)
    if kind < 9:
        symbol = "+-**"[kind - 5]
        return f"({a} {symbol} {b})", {"+": lambda p: f(p) + g(p), "-": lambda p: f(p) - g(p), "*": lambda p: f(p) * g(p)}[symbol]

    def take(p, which):
        u, v = f(p), g(p)
        if abs(u - v) < mpf("0.05"):
            raise Kink
        return (min if which == "min" else max)(u, v)

    which = rng.choice(["min", "max", "if", "abs"])
    if which == "abs":
        def size(p):
            u = f(p) + g(p)
            if abs(u) < mpf("0.05"):
                raise Kink
            return abs(u)
        return f"abs({a} + {b})", size
    if which == "if":
        def branch(p):
            u, v = f(p), g(p)
            if abs(u - v) < mpf("0.05"):
                raise Kink
            return mpmath.sin(u) if u < v else u * v
        return f"if({a} < {b}, sin({a}), {a}*{b})", branch
    return f"{which}({a}, {b})", lambda p: take(p, which)


def derivatives(f, x, u, v, w):
    def along(*s):
        return f([x[i] + sum(a * d[i] for a, d in zip(s, (u, v, w))) for i in range(3)])

    return along(0, 0, 0), mpmath.diff(along, (0, 0, 0), (1, 1, 0)), mpmath.diff(along, (0, 0, 0), (1, 1, 1))


def exact(f, x, u, v, w):
    """Values good to 30 digits, or None."""
    found = []
    for digits in (200, 260):
        mp.dps = digits
        found.append(derivatives(f, *[[mpf(k) / 64 for k in d] for d in (x, u, v, w)]))
    for a, b in zip(*found):
        if abs(a - b) > mpf(10) ** -30 * max(1, abs(b)):
            return None
    return found[1]


def main():
    rng = random.Random(SEED)
    print(f"# f, d2f[u,v], d3f[u,v,w] by mpmath {mpmath.__version__}; tools/make_equations_derivatives.py, seed {SEED}")
    print("# expression; x, u, v, w as x y z; f; second; third")
    rows = 0
    while rows < ROWS:
        text, f = draw(rng, 3 + rows % 3)
        vectors = [[rng.randrange(-96, 97) or 1 for _ in range(3)] for _ in range(4)]
        try:
            values = exact(f, *vectors)
        except (Kink, OverflowError, ZeroDivisionError):
            continue
        if values is None or not all(mpmath.isfinite(a) and abs(a) < 1e4 for a in values) or len(text) > 400:
            continue
        if values[1] == 0 or values[2] == 0:  # says little
            continue
        numbers = "; ".join(" ".join(repr(k / 64) for k in d) for d in vectors)
        print(f"{text}; {numbers}; " + "; ".join(mpmath.nstr(a, 25, min_fixed=0, max_fixed=0) for a in values))
        rows += 1


if __name__ == "__main__":
    main()
