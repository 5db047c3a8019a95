#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/zoo: every system against closed forms and published numbers (sources in the files), its equations written a second time in
NumPy: residuals of the fixed points, slowest rates from eigenvalues of a complex-step Jacobian, random networks with matrices made here."""
import glob
import math
import os

from example import EXAMPLES, main, np, run

exp, cos, sin, tanh = np.exp, np.cos, np.sin, np.tanh


def jacobian(F, x):
    """Complex step: exact to rounding."""
    h, J = 1e-30, []
    for j in range(len(x)):
        z = np.array(x, complex)
        z[j] += 1j * h
        J.append(np.imag(F(z)) / h)
    return np.array(J).T


def roots(f, lo, hi, cells=20000):
    """Roots of a scalar function: changes of sign on a grid, then bisection."""
    grid, found = np.linspace(lo, hi, cells), []
    value = np.array([f(g) for g in grid])
    for k in np.nonzero(value[1:] * value[:-1] < 0)[0]:
        a, b, rising = grid[k], grid[k + 1], value[k] < 0
        for _ in range(80):
            middle = (a + b) / 2
            a, b = (middle, b) if (f(middle) < 0) == rising else (a, middle)
        found.append((a + b) / 2)
    return np.array(found)


def logistic(x):
    return 1 / (1 + exp(-x))


class Zoo:
    def __init__(self, check, program, directory):
        self.check, self.program, self.directory, self.ran = check, program, directory, set()

    def run(self, name, *args):
        self.name = name
        self.ran.add(name)
        return run(self.program, "zoo/%s.toml" % name, self.directory, *args)

    def near(self, what, value, want, tolerance):
        self.check.near("%s: %s" % (self.name, what), float(value), float(want), tolerance)

    def close(self, what, values, wants, tolerance=1e-9):
        values, wants = np.asarray(values, float), np.asarray(wants, float)
        same = values.shape == wants.shape
        worst = np.abs(values - wants).max() if same else math.inf
        self.check.true("%s: %s" % (self.name, what), same and worst <= tolerance * max(1, np.abs(wants).max()),
                        "%s values, largest deviation %.2g, allowed %.2g" % (wants.shape, worst, tolerance))

    def z(self, what, value, want, se):
        self.check.z("%s: %s" % (self.name, what), float(value), float(want), float(se))

    def true(self, what, condition, text=""):
        self.check.true("%s: %s" % (self.name, what), condition, text)

    def points(self, r, F, wants=None, discrete=False, tolerance=1e-9, task="points"):
        """The fixed points of a result: residuals and slowest rates by the second text, coordinates and number by `wants`."""
        g = r[task]
        x = g["x"][:]
        self.true("has fixed points", len(x) > 0, "%d" % len(x))
        residual, rate, unstable = [], [], []
        for p in x:
            J = jacobian(F, p)
            size = np.abs(J).max() * max(1, np.abs(p).max()) + 1
            residual.append(np.abs(F(p) - (p if discrete else 0)).max() / size)
            w = np.linalg.eigvals(J)
            rate.append(-np.log(np.abs(w).max()) if discrete else -w.real.max())
            unstable.append((np.abs(w) > 1).sum() if discrete else (w.real > 0).sum())
        self.close("residuals of the second text", residual, np.zeros(len(x)), 1e-13)
        self.close("slowest rates from its Jacobian", g["slowest_rate"][:], rate, 1e-8)
        self.true("unstable directions", np.array_equal(g["n_unstable"][:], unstable), "%s" % list(unstable))
        if wants is not None:
            wants = np.asarray(wants, float)
            order = lambda v: v[np.lexsort(np.round(v, 6).T[::-1])]  # noqa: E731
            self.close("fixed points, closed form", order(x), order(wants), tolerance)
        return x

    def exponents(self, r, wants, spread=5e-5, total=None, tolerance=1e-3, drift=None):
        g = r["chaos"]
        value, se = g["exponent"][:], g["exponent_se"][:]
        for i, want in wants:
            self.z("exponent %d, literature" % (i + 1), value[i], want, np.hypot(se[i], spread))
        if total is not None:
            self.near("sum of exponents", value.sum(), total, tolerance)
            self.near("mean divergence", g["divergence_mean"][()], total, 1e-9)
        if drift is not None:
            self.near("exponent along the flow", value[drift], 0, 5e-3)
        return value, se


def flows(zoo):
    """Chaotic flows and maps."""
    s, rho, beta = 10.0, 28.0, 8 / 3
    r, c = zoo.run("lorenz63"), math.sqrt(beta * (rho - 1))
    zoo.points(r, lambda x: np.array([s * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - beta * x[2]]),
               [[0, 0, 0], [c, c, 27], [-c, -c, 27]])
    zoo.near("rate at 0, (11 - sqrt(1201))/2", r["points/slowest_rate"][:].min(), (11 - math.sqrt(1201)) / 2, 1e-10)
    zoo.near("no others, proved", r["points/proven_complete"][()], 1, 0)
    zoo.exponents(r, [(0, 0.9056), (2, -14.5723)], total=-41 / 3, tolerance=1e-3, drift=1)

    a, b, F, G = 0.25, 4.0, 8.0, 1.0
    r = zoo.run("lorenz84")
    cubic = np.polysub(np.polymul([-a, a * F], [1 + b * b, -2, 1]), [G * G])
    want = []
    for x in np.roots(cubic):
        if abs(x.imag) < 1e-9:
            x = x.real
            want.append([x, *np.linalg.solve([[x - 1, -b * x], [b * x, x - 1]], [-G, 0])])
    zoo.points(r, lambda x: np.array([-x[1]**2 - x[2]**2 - a * x[0] + a * F, x[0] * x[1] - b * x[0] * x[2] - x[1] + G,
                                      b * x[0] * x[1] + x[0] * x[2] - x[2]]), want)
    value, se = zoo.exponents(r, [], drift=1)
    zoo.true("chaotic", value[0] > 5 * se[0], "%.3f +- %.3f" % (value[0], se[0]))

    N, F = 40, 8.0
    r, q = zoo.run("lorenz96"), 2 * np.pi * np.arange(N) / N
    zoo.points(r, lambda x: (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + F, np.full((1, N), F))
    zoo.near("rate at x = F", r["points/slowest_rate"][0], 1 - F * (exp(1j * q) - exp(-2j * q)).real.max(), 1e-9)
    zoo.exponents(r, [(0, 1.68)], spread=0.01, total=-N, tolerance=0.05)
    zoo.z("Kaplan-Yorke dimension", r["chaos/kaplan_yorke"][()], 27.1, np.hypot(r["chaos/kaplan_yorke_se"][()], 0.1))

    a, b, c = 0.2, 0.2, 5.7
    r, root = zoo.run("roessler"), math.sqrt(c * c - 4 * a * b)
    zoo.points(r, lambda x: np.array([-x[1] - x[2], x[0] + a * x[1], b + x[2] * (x[0] - c)]),
               [[x, -x / a, x / a] for x in ((c - root) / 2, (c + root) / 2)])
    value, se = zoo.exponents(r, [(0, 0.0714)], drift=1)
    zoo.near("sum of exponents, mean divergence", value.sum(), r["chaos/divergence_mean"][()], 1e-3)
    # The phase never spreads: replicas share what an unfinished turn adds, up to 2 * 11 / 1.07 over the duration. It is in the error.
    zoo.z("exponent 3, literature", value[2], -5.3943, se[2])
    zoo.true("its error knows of the unfinished turn", se[2] * 300 > 2, "%.4f" % se[2])

    b = 0.18
    r = zoo.run("thomas")
    x = zoo.points(r, lambda x: sin(np.roll(x, -1)) - b * x)
    want = roots(lambda x: math.sin(x) - b * x, -6.001, 6)
    diagonal = x[np.abs(x - x[:, :1]).max(axis=1) < 1e-8]
    zoo.close("diagonal points solve sin x = b x", np.sort(diagonal[:, 0]), want)
    zoo.near("no others, proved", r["points/proven_complete"][()], 1, 0)
    value, se = zoo.exponents(r, [], total=-3 * b, tolerance=1e-3, drift=1)
    zoo.true("chaotic", value[0] > 5 * se[0], "%.4f +- %.4f" % (value[0], se[0]))

    a, b = 1.4, 0.3
    r = zoo.run("henon")
    want = [(b - 1 + sign * math.sqrt((1 - b)**2 + 4 * a)) / (2 * a) for sign in (1, -1)]
    zoo.points(r, lambda x: np.array([1 - a * x[0]**2 + x[1], b * x[0]]), [[x, b * x] for x in want], discrete=True)
    zoo.exponents(r, [(0, 0.4192), (1, -1.6232)], total=math.log(b), tolerance=1e-9)

    u = 0.9

    def ikeda(x):
        q = 0.4 - 6 / (1 + x[0]**2 + x[1]**2)
        return np.array([1 + u * (x[0] * cos(q) - x[1] * sin(q)), u * (x[0] * sin(q) + x[1] * cos(q))])
    r = zoo.run("ikeda")
    zoo.points(r, ikeda, discrete=True)
    zoo.near("no others, proved", r["points/proven_complete"][()], 1, 0)
    zoo.exponents(r, [(0, 0.5075), (1, -0.7182)], total=2 * math.log(u), tolerance=1e-9)


def neurons(zoo):
    """Single neurons and populations."""
    a, b, eps = 0.7, 0.8, 0.08

    def fhn(current):
        return lambda x: np.array([x[0] - x[0]**3 / 3 - x[1] + current, eps * (x[0] + a - b * x[1])])

    def rest(current):
        v = [z.real for z in np.roots([-1 / 3, 0, 1 - 1 / b, current - a / b]) if abs(z.imag) < 1e-9]
        return [[x, (x + a) / b] for x in v]
    r = zoo.run("fitzhugh-nagumo")
    x = zoo.points(r, fhn(0.0), rest(0.0))
    zoo.close("rest, published digits", np.round(x[0], 4), [-1.1994, -0.6243], 1e-6)
    v = -math.sqrt(1 - eps * b)
    hopf = (v + a) / b - v + v**3 / 3
    for current, kind in ((hopf - 1e-3, b"stable focus"), (hopf + 1e-3, b"unstable focus")):
        r = zoo.run("fitzhugh-nagumo", "model.parameters.I=%.15g" % current)
        zoo.points(r, fhn(current), rest(current))
        zoo.true("on this side of the Hopf bifurcation", r["points/kind"][0] == kind, "%s" % r["points/kind"][0])

    def morris(current):
        def F(x):
            V, w = x
            m, n = (1 + tanh((V + 1.2) / 18)) / 2, (1 + tanh((V - 2) / 30)) / 2
            return np.array([(current - 2 * (V + 60) - 4.4 * m * (V - 120) - 8 * w * (V + 84)) / 20, 0.04 * np.cosh((V - 2) / 60) * (n - w)])
        return F
    for current, stable in ((90.0, True), (93.7, True), (94.0, False), (211.0, False), (213.0, True)):  # Hopf at 93.86 and 212.0
        F = morris(current)
        w = lambda V: (1 + math.tanh((V - 2) / 30)) / 2  # noqa: E731
        r, want = zoo.run("morris-lecar", "model.parameters.I=%.15g" % current), roots(lambda V: F((V, w(V)))[0], -80, 60)
        zoo.points(r, F, [[V, w(V)] for V in want])
        zoo.true("stability at I = %g" % current, (r["points/n_unstable"][0] == 0) == stable)

    r = zoo.run("hindmarsh-rose")
    cubic = [z.real for z in np.roots([-1, -2, -4, -4 * 1.6 + 1 + 3.25]) if abs(z.imag) < 1e-9]
    zoo.points(r, lambda x: np.array([x[1] - x[0]**3 + 3 * x[0]**2 - x[2] + 3.25, 1 - 5 * x[0]**2 - x[1], 0.006 * (4 * (x[0] + 1.6) - x[2])]),
               [[x, 1 - 5 * x * x, 4 * (x + 1.6)] for x in cubic])
    v = r["bursts/x"][0, :, 0]
    zoo.true("bursts, with rests between", v.max() > 1 and v.min() < -1, "%.2f to %.2f" % (v.min(), v.max()))

    def wilson(P):
        e0, i0 = 1 / (1 + math.exp(1.3 * 4)), 1 / (1 + math.exp(2 * 3.7))
        return lambda x: np.array([-x[0] + (1 - e0 - x[0]) * (logistic(1.3 * (16 * x[0] - 12 * x[1] + P - 4)) - e0),
                                   -x[1] + (1 - i0 - x[1]) * (logistic(2 * (15 * x[0] - 3 * x[1] - 3.7)) - i0)])
    r = zoo.run("wilson-cowan")
    zoo.points(r, wilson(1.25))
    zoo.true("no stable fixed point at P = 1.25", (r["points/n_unstable"][:] > 0).all())
    late = r["cycle/x"][0, -60:, 0]
    zoo.true("oscillates", np.ptp(late) > 0.1, "%.3f" % np.ptp(late))
    r = zoo.run("wilson-cowan", "model.parameters.P=0.0")
    x = zoo.points(r, wilson(0.0))
    zoo.true("rest at 0 without input, stable", (np.abs(x[r["points/n_unstable"][:] == 0]).max(axis=1) < 1e-10).any())

    def firing(v):
        return 5 / (1 + exp(0.56 * (6 - v)))

    def jansen(p):
        return lambda y: np.array([y[3], y[4], y[5], 325 * firing(y[1] - y[2]) - 200 * y[3] - 1e4 * y[0],
                                   325 * (p + 108 * firing(135 * y[0])) - 200 * y[4] - 1e4 * y[1],
                                   1100 * 33.75 * firing(33.75 * y[0]) - 100 * y[5] - 2500 * y[2]])
    for p, number, top in ((100.0, 3, None), (120.0, 1, False), (310.0, 1, False), (320.0, 1, True)):  # folds and Hopf points: see the file
        def rest_of(y0):
            return [y0, 0.0325 * (p + 108 * firing(135 * y0)), 0.44 * 33.75 * firing(33.75 * y0), 0, 0, 0]
        want = [rest_of(y) for y in roots(lambda y: 0.0325 * firing(rest_of(y)[1] - rest_of(y)[2]) - y, 0, 0.17)]
        r = zoo.run("jansen-rit", "model.parameters.p=%g" % p)
        zoo.points(r, jansen(p), want)
        zoo.near("number of fixed points at p = %g" % p, len(r["points/x"]), number, 0)
        if top is not None:
            zoo.true("stability at p = %g" % p, (r["points/n_unstable"][0] == 0) == top)

    def synapses(h):
        R = 1.5 * np.log1p(exp(h / 1.5))
        u = 0.3 * (1 + 1.5 * R) / (1 + 0.45 * R)
        return R, u, 1 / (1 + 0.2 * u * R)

    def markram(x):
        R = 1.5 * np.log1p(exp(x[0] / 1.5))
        return np.array([(-x[0] + 4 * x[1] * x[2] * R - 2) / 0.013, (0.3 - x[1]) / 1.5 + 0.3 * (1 - x[1]) * R, (1 - x[2]) / 0.2 - x[1] * x[2] * R])
    r = zoo.run("tsodyks-markram")
    want = []
    for h in roots(lambda h: -h + 4 * np.prod(synapses(h)) - 2, -10, 60):
        want.append([h, *synapses(h)[1:]])
    zoo.points(r, markram, want)
    zoo.true("silence and memory are stable, the state between is not", sorted(r["points/n_unstable"][:])[:2] == [0, 0] and len(want) == 3)

    def wong(x):
        u = 270 * (0.2609 * x - 0.0497 * x[::-1] + 0.3255 + 0.00052 * 30) - 108
        return -x / 0.1 + (1 - x) * 0.641 * u / (1 - exp(-0.154 * u))
    r = zoo.run("wong-wang")
    x = zoo.points(r, wong)
    diagonal = roots(lambda s: wong(np.array([s, s]))[0], 0, 1)
    saddle = x[r["points/n_unstable"][:] == 1]
    zoo.close("saddle on the diagonal", saddle, [[diagonal[0]] * 2])
    zoo.true("two choices", (r["points/n_unstable"][:] == 0).sum() == 2 and len(x) == 3)


def networks(zoo):
    r = zoo.run("kuramoto")
    order = np.abs(exp(1j * r["locking/x"][0]).mean(axis=1))
    zoo.near("order parameter sqrt(1 - Kc/K)", order.mean(), math.sqrt(0.5), 2e-3)

    N, J0, J1, h = 256, -6.0, 4.0, 1.0
    c = roots(lambda c: J1 * (c - math.sin(2 * c) / 2) - 2 * math.pi, 0.01, math.pi)[0]
    m1 = h / (-J1 * math.cos(c) - J0 * J1 / math.pi * (math.sin(c) - c * math.cos(c)))
    q = 2 * np.pi * np.arange(N) / N
    r = zoo.run("ring-attractor")
    zoo.close("bump J1 m1 (cos q - cos c)+", r["bump/m"][0, -1], J1 * m1 * np.maximum(0, cos(q) - math.cos(c)), 2e-3)

    g = 2.0
    m = 0.5
    for _ in range(200):
        m = math.tanh(g * m)
    k = np.arange(16)
    xi = np.array([1 - 2 * (k % 2), 1 - 2 * (k // 2 % 2), 1 - 2 * (k // 4 % 2)])
    r = zoo.run("hopfield")
    zoo.points(r, lambda x: -x + xi.T @ (xi @ tanh(g * x)) / 16, m * np.array([*xi, -xi[0]]))
    zoo.close("slowest rates 1 - g (1 - m^2)", r["points/slowest_rate"][:], np.full(4, 1 - g * (1 - m * m)))

    rng = np.random.default_rng(7)

    def matrix(N, g):
        W = rng.standard_normal((N, N)) * g / math.sqrt(N)
        np.fill_diagonal(W, 0)
        path = os.path.join(zoo.directory, "matrix%d.npy" % len(os.listdir(zoo.directory)))
        np.save(path, W)
        return W, '{ file = "%s", rows = "target", shape = "i,j" }' % path

    A, text = matrix(30, 0.3)
    r = zoo.run("lotka-volterra", "model.parameters.A=" + text)
    want = np.linalg.solve(np.eye(30) - A, np.ones(30))
    zoo.points(r, lambda x: x * (1 - x + A @ x), want[None])
    zoo.near("rate of diag(x) (A - 1)", r["points/slowest_rate"][0], -np.linalg.eigvals(want[:, None] * (A - np.eye(30))).real.max(), 1e-9)

    W, text = matrix(40, 0.8)
    r = zoo.run("adaptive-rate-network", "model.parameters.W=" + text)
    zoo.points(r, lambda x: np.concatenate([-x[:40] - x[40:] + W @ tanh(x[:40]), (0.5 * x[:40] - x[40:]) / 10]), np.zeros((1, 80)), task="rest")
    top = max(np.roots([1, 1 - w + 0.1, (1 - w) * 0.1 + 0.05]).real.max() for w in np.linalg.eigvals(W))
    zoo.near("rate at 0, closed form", r["rest/slowest_rate"][0], -top, 1e-9)

    W, text = matrix(200, 1.0)
    r = zoo.run("sompolinsky-crisanti-sommers", "model.parameters.W=" + text, "model.parameters.g=4.0")
    value, se = r["chaos/exponent"][0], r["chaos/exponent_se"][0]
    zoo.true("chaos at g = 4", value > 5 * se, "%.4f +- %.4f" % (value, se))
    r = zoo.run("sompolinsky-crisanti-sommers", "model.parameters.W=" + text, "model.parameters.g=0.5", "task.chaos.replicas=1")
    zoo.near("exponent of -1 + g W at g = 0.5", r["chaos/exponent"][0], -1 + 0.5 * np.linalg.eigvals(W).real.max(), 5e-3)

    r = zoo.run("stuart-landau")
    zoo.close("exponents 0, -K, -2 mu, -2 mu - K", r["synchrony/exponent"][:], [0] + 7 * [-0.5] + [-2] + 7 * [-2.5], 1e-6)


def noisy(zoo):
    """Potentials and noise."""
    r = zoo.run("maier-stein")
    zoo.points(r, lambda x: np.array([x[0] - x[0]**3 - 10 * x[0] * x[1]**2, -(1 + x[0]**2) * x[1]]), [[-1, 0], [0, 0], [1, 0]])
    zoo.close("rates", np.sort(r["points/slowest_rate"][:]), [-1, 2, 2])
    zoo.near("no others, proved", r["points/proven_complete"][()], 1, 0)

    A, a, b, c = [-200, -100, -170, 15], [-1, -1, -6.5, 0.7], [0, 0, 11, 0.6], [-10, -10, -6.5, 0.7]
    X, Y = [1, 0, -0.5, -1], [0, 0.5, 1.5, 1]

    def energy(x):
        return sum(A[k] * exp(a[k] * (x[0] - X[k])**2 + b[k] * (x[0] - X[k]) * (x[1] - Y[k]) + c[k] * (x[1] - Y[k])**2) for k in range(4))

    def force(x):
        g = np.zeros(2, np.asarray(x).dtype)
        for k in range(4):
            u, v = x[0] - X[k], x[1] - Y[k]
            e = A[k] * exp(a[k] * u * u + b[k] * u * v + c[k] * v * v)
            g = g - np.array([e * (2 * a[k] * u + b[k] * v), e * (b[k] * u + 2 * c[k] * v)])
        return g
    r = zoo.run("mueller-brown")
    x = zoo.points(r, force, [[-0.558, 1.442], [0.623, 0.028], [-0.050, 0.467], [-0.822, 0.624], [0.212, 0.293]], tolerance=1e-3)
    unstable = r["points/n_unstable"][:]
    zoo.close("energies of the minima", np.sort([energy(p) for p in x[unstable == 0]]), [-146.700, -108.167, -80.768], 1e-5)
    zoo.close("energies of the saddles", np.sort([energy(p) for p in x[unstable == 1]]), [-72.249, -40.665], 1e-5)

    r, T = zoo.run("double-well"), 0.5
    zoo.points(r, lambda x: x - x**3, [[-1], [0], [1]])
    s = np.linspace(-6, 6, 20001)
    p = exp(-(s**4 / 4 - s**2 / 2) / T)
    g = r["wells"]
    zoo.z("mean", g["x_mean"][0], 0, g["x_mean_se"][0])
    zoo.z("variance of e^(-V/T), quadrature", g["x_variance"][0], (p * s * s).sum() / p.sum(),
          math.hypot(g["x_variance_se"][0], 1e-3))  # 1e-3 > error of the step

    r = zoo.run("ornstein-uhlenbeck")
    g, M, D = r["stationary"], np.array([[1, -1.5], [1.5, 2]]), np.diag([0.5, 0.2])
    C = np.linalg.solve(np.kron(M, np.eye(2)) + np.kron(np.eye(2), M), 2 * D.ravel()).reshape(2, 2)
    zoo.check.z_many("ornstein-uhlenbeck: covariance", g["x_covariance"][:].ravel()[[0, 1, 3]], C.ravel()[[0, 1, 3]],
                     np.hypot(g["x_covariance_se"][:].ravel()[[0, 1, 3]], 2e-4))

    r, mu, s = zoo.run("geometric-brownian-motion"), 0.5, 0.4
    x = r["growth/x_final"][:, 0]
    spread = math.exp(mu) * math.sqrt(math.exp(s * s) - 1)
    zoo.z("mean e^(mu t)", x.mean(), math.exp(mu), spread / math.sqrt(len(x)))
    zoo.z("mean of ln x", np.log(x).mean(), mu - s * s / 2, math.hypot(s / math.sqrt(len(x)), 1e-3))  # 1e-3 > error of the step
    zoo.z("variance of ln x", np.log(x).var(), s * s, math.hypot(s * s * math.sqrt(2 / len(x)), 1e-3))

    r, T = zoo.run("kinetic-langevin"), 0.7
    g, weak = r["thermal"], 1e-3  # beyond the error of the scheme at this step
    zoo.z("<v^2> = T", g["x_variance"][1] if "x_variance" in g else math.nan, T, math.hypot(g["x_variance_se"][1], weak))
    zoo.z("<x^2>", g["x_variance"][0], 2 * math.sqrt(T) * math.gamma(0.75) / math.gamma(0.25), math.hypot(g["x_variance_se"][0], weak))


def test(check, program, directory):
    zoo = Zoo(check, program, directory)
    flows(zoo)
    neurons(zoo)
    networks(zoo)
    noisy(zoo)
    files = {os.path.basename(f)[:-5] for f in glob.glob(os.path.join(EXAMPLES, "zoo", "*.toml"))}
    check.true("every file of the zoo is tested", files == zoo.ran, "%d" % len(files))


main(test)
