#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/attention-bifurcation: the pitchfork of x' = -x + tanh(beta x) at beta = 1 (roots by bisection here), the law exp(-Phi/T) by quadrature,
and clusters of tokens on the circle: the flow integrated again in NumPy, clusters counted from positions, rates in closed form."""
from example import main, np, run


def root(beta):
    lo, hi = 1e-6, 1.0
    for _ in range(200):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if np.tanh(beta * mid) > mid else (lo, mid)
    return lo


def pair(check, program, directory):
    v, across = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    quick = ["task.law.burn_in=0.0", "task.law.duration=10.0", "task.law.replicas=8"]
    for beta in (0.5, 1.2, 2.0):
        r = run(program, "attention-bifurcation/pair.toml", directory, "model.beta=%g" % beta, *(quick if beta != 2.0 else []))
        x, rates = r["points"]["x"][:], r["rates"]["relaxation_rate"][:]
        what = "beta = %g: " % beta
        if beta < 1:
            check.true(what + "the origin alone", len(x) == 1 and np.abs(x).max() < 1e-12)
            check.near(what + "rate 1 - beta", rates[0, 0], 1 - beta, 1e-12)
            r.close()
            continue
        y = root(beta)
        check.true(what + "two memories and a saddle", len(x) == 3 and list(r["points"]["n_unstable"][:]) == [0, 0, 1])
        check.near(what + "memories", np.abs(np.sort(x @ v) - [-y, 0, y]).max() + np.abs(x @ across).max(), 0, 1e-9)
        want = 1 - beta * (1 - y**2)  # tanh' = 1 - tanh^2
        check.near(what + "rate along", rates[0, 0], want, 1e-8)
        check.near(what + "rate across", rates[0, 1], 1, 1e-10)
        check.near(what + "the saddle", rates[2, 0], 1 - beta, 1e-10)
        known = {1.2: (.6585696604, .3204567971), 2.0: (.9575040241, .8336279122)}[beta]
        check.near(what + "known numbers", abs(y - known[0]) + abs(want - known[1]), 0, 1e-9)
        if beta == 2.0:
            law(check, r["law"], beta, v, across)
        r.close()


def law(check, g, beta, v, across):
    """Phi = |x|^2/2 - ln(2 cosh(beta v.x))/beta: along v by quadrature, across Gaussian of variance T."""
    T, s = 0.02, np.linspace(-3, 3, 60001)
    phi = s**2 / 2 - np.logaddexp(beta * s, -beta * s) / beta
    p = np.exp(-(phi - phi.min()) / T)
    p /= p.sum()
    x = g["x"][:].astype(float)
    y, z = x @ v, x @ across
    shift = np.abs(g["dt_shift_variance"][:]).sum() + 2 * g["dt_shift_variance_se"][:].sum()
    for name, sample, want in (("<(v.x)^2>", y**2, (p * s**2).sum()), ("<|v.x|>", np.abs(y), (p * np.abs(s)).sum()), ("across", z**2, T),
                               ("<Phi>", g["energy"][:].astype(float), (p * phi).sum() + T / 2)):
        per = sample.mean(axis=1)
        check.z("law: " + name, per.mean(), want, np.hypot(per.std() / np.sqrt(len(per)), shift / 4))


def field(x, beta):
    """The flow of tokens (.., T, 2), with softmax."""
    q = (x**2).sum(-1, keepdims=True)
    u = x / np.sqrt(q)
    e = np.exp(beta * (u @ np.swapaxes(u, -1, -2) - 1))
    h = (e / e.sum(-1, keepdims=True)) @ u
    return (h - u * (u * h).sum(-1, keepdims=True)) / np.sqrt(q) + 0.5 * (1 - q) * x


def clusters(x):
    """Groups of tokens on the circle with gaps of less than 0.3 rad."""
    angle = np.sort(np.angle(x[:, 0] + 1j * x[:, 1]))
    gaps = np.append(np.diff(angle), angle[0] + 2 * np.pi - angle[-1])
    return max(1, (gaps > 0.3).sum())


def tokens(check, program, directory):
    beta, T, h = 9.0, 16, 0.05
    r = run(program, "attention-bifurcation/tokens.toml", directory)
    x = r["gather"]["x"][:].astype(float).reshape(16, -1, T, 2)
    y = x[:, 0].copy()
    for _ in range(100):  # 5 time units, the same steps
        a = field(y, beta)
        b = field(y + h / 2 * a, beta)
        c = field(y + h / 2 * b, beta)
        y = y + h / 6 * (a + 2 * b + 2 * c + field(y + h * c, beta))
    check.near("the flow against NumPy, 5 time units", np.abs(x[:, 10] - y).max(), 0, 1e-7)
    check.near("norms at the end", np.abs((x[:, -1] ** 2).sum(-1) - 1).max(), 0, 1e-7)
    first, last = np.array([clusters(s[0]) for s in x]), np.array([clusters(s[-1]) for s in x])
    check.true("tokens gather", last.mean() < first.mean() - 2 and last.max() <= 6, "%.2f groups at first, %.2f at the end" % (first.mean(), last.mean()))
    # the energy falls: Phi grows with -sum e^{beta u.u}
    u = x / np.sqrt((x**2).sum(-1, keepdims=True))
    energy = -np.exp(beta * (u @ np.swapaxes(u, -1, -2) - 1)).sum((-1, -2))
    check.true("the energy never grows", np.diff(energy, axis=1).max() < 1e-9)
    g = r["pair"]
    want = np.sort(np.concatenate(([0, np.tanh(beta) - 1], np.full(14, np.tanh(beta)), np.ones(16))))
    check.near("two groups: rates", np.abs(np.sort(g["relaxation_rate"][0]) - want).max(), 0, 1e-12)
    slow = g["relaxation_rate"][0, 0]
    check.near("two groups: they fall upon each other at the rate 1 - tanh beta", slow / (np.tanh(beta) - 1), 1, 1e-5)
    check.true("two groups: their slow modes are collective", (g["collective"][0] == 1).sum() == 2 and g["participation"][0, :2].min() > 15.9)
    g = r["late"]
    for k, state in enumerate(g["x"][:].reshape(-1, T, 2)):
        count = clusters(state)
        rates = np.sort(g["relaxation_rate"][k])
        J = np.zeros((2 * T, 2 * T))
        for i in range(2 * T):
            e = np.zeros(2 * T)
            e[i] = 1e-5
            J[:, i] = (field(state + e.reshape(T, 2), beta) - field(state - e.reshape(T, 2), beta)).ravel() / 2e-5
        check.near("late %d: rates against differences in NumPy" % k, np.abs(rates - np.sort(-np.linalg.eigvals(J).real)).max(), 0, 1e-6)
        check.true("late %d: as many slow modes as clusters" % k, (rates < 0.4).sum() == count, "%d, %d" % ((rates < 0.4).sum(), count))
    r.close()


def test(check, program, directory):
    pair(check, program, directory)
    tokens(check, program, directory)


main(test)
