#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/hopfield-capacity: Hebb's rule against the replica theory, the pseudo-inverse against its exact solution, the dense memory against the growth of
its capacity, each fraction of recalled patterns also against the same dynamics written once more in NumPy with other random patterns; the spectrum of
Hebb's matrix against Marchenko & Pastur. Sizes, seeds and errors are fixed; tests/nightly/hopfield_capacity.py extrapolates the capacity itself."""
from example import main, np, run
from hopfield_theory import capacity, overlap

HEBB = "hopfield-capacity/hebb.toml"


def share(hits):
    """Mean and standard error over samples of the share of recalled patterns (binomial at least, with one more success and failure)."""
    hits = [np.asarray(h, float) for h in hits]
    n = sum(len(h) for h in hits)
    mean, p = np.concatenate(hits).mean(), (np.concatenate(hits).sum() + 1) / (n + 2)
    between = np.std([h.mean() for h in hits], ddof=1) / np.sqrt(len(hits)) if len(hits) > 1 else 0
    return mean, max(np.sqrt(p * (1 - p) / n), between)


def hebb(check, program, work):
    """m = 1 - 2 (wrong units)/N. A pattern has N (1 - m)/2 wrong units; if these were independent (Poisson) the mean over P trials would have the standard
    error sqrt(2 (1 - m)/(N P)); patterns of one sample share their noise, which at these loads at most doubles the variance (found at N = 400 and 800). The
    theory is for N -> infinity: corrections of (1 - m)/5 are allowed for."""
    check.near("capacity of the theory (Amit, Gutfreund & Sompolinsky 1985: 0.138)", capacity(), 0.13791, 1e-5)
    r = run(program, HEBB, work)
    N, P = 600, 60
    m = np.sqrt(r["stay"]["r2_response"][:])
    want = overlap(0.1)
    se = np.hypot(2 * np.sqrt((1 - want) / (N * P)), (1 - want) / 5)
    check.z("alpha = 0.1: overlap after 40 sweeps", m.mean(), want, se)
    check.near("the variable 'correlation' is its mean", r["stay"]["correlation"][()], m.mean(), 1e-12)
    check.near("overlap of the cues with 15 % wrong signs", np.sqrt(r["repair"]["r2_cue"][:]).mean(), 0.7, 0.01)
    check.z("alpha = 0.1: the same from these cues", np.sqrt(r["repair"]["r2_response"][:]).mean(), want, 2 * se)
    W = r["train"]["weights"][-1]
    check.true("no self-coupling, symmetric", np.all(np.diag(W) == 0) and np.all(W == W.T))
    check.near("entries have the variance P/N^2", (W**2).sum() / (N * (N - 1)) / (P / N**2), 1, 5 * np.sqrt(2 / (N * P)))
    r.close()
    quick = ["task.repair.trials=1", "task.repair.steps=2", "task.repair.burn_in=1", "task.stay.trials=60"]
    r = run(program, HEBB, work, "data.patterns.shape=[100,400]", "model.n=400", *quick)
    m = np.sqrt(r["stay"]["r2_response"][:])
    check.true("alpha = 0.25, far above the capacity: no pattern is held", (m > 0.9).mean() < 0.05, "%.3f" % (m > 0.9).mean())
    check.near("what is left of it (remanence, Amit et al. 1985: about 0.35)", m.mean(), 0.35, 0.1)
    r.close()


def relax(W, s0, gain, steps, dt, field=None):
    """x' = -x + W s (or field(s)), s = tanh(gain x), by the classical Runge-Kutta method, one row per replica; the final signs."""
    field = field or (lambda s: s @ W.T)
    x = s0.copy()
    f = lambda x: field(np.tanh(gain * x)) - x  # noqa: E731
    for _ in range(steps):
        a = f(x)
        b = f(x + dt / 2 * a)
        c = f(x + dt / 2 * b)
        d = f(x + dt * c)
        x = x + dt / 6 * (a + 2 * b + 2 * c + d)
    return np.sign(x)


def cues(rng, xi, flips):
    s = xi.copy()
    for row in s:
        row[rng.permutation(len(row))[:flips]] *= -1
    return s


def pseudo_inverse(check, program, work):
    gain, N, y = 5.0, 100, 1.0
    for _ in range(200):
        y = np.tanh(gain * y)
    short = ["task.stay.duration=10.0", "task.stay.record.every=10.0", "task.rates.at.n=1"]

    def sample(P, flip, seed):
        return run(program, "hopfield-capacity/pseudo-inverse.toml", work, "data.patterns.shape=[%d,%d]" % (P, N), "seed=%d" % seed,
                   "task.stay.replicas=%d" % P, "task.repair.replicas=%d" % P, "task.complete.trials=%d" % (P if P == 30 else 1), "task.repair.initial.flip=%g" % flip, *short)
    for P in (30, 60, 90):
        r = sample(P, 0.01, 2)
        xi, end, W = r["stay"]["x"][:, 0], r["stay"]["x"][:, -1], r["train"]["weights"][-1]
        what = "alpha = %.1f: " % (P / N)
        check.near(what + "W xi = xi", np.abs(xi @ W.T - xi).max(), 0, 1e-12)
        check.near(what + "W is NumPy's X X^+", np.abs(W - xi.T @ np.linalg.pinv(xi.T)).max(), 0, 1e-12)
        check.near(what + "fixed points y xi, y = tanh(gain y)", np.abs(end - y * xi).max(), 0, 1e-4 * np.exp(-5))
        rates = np.sort(r["rates"]["relaxation_rate"][0])
        want = np.sort(np.r_[np.full(P, 1 - gain * (1 - y * y)), np.ones(N - P)])
        check.near(what + "rates there", np.abs(rates - want).max(), 0, 1e-5)
        if P != 60:
            good = (np.sign(r["repair"]["x"][:, -1]) == xi).all(axis=1).mean()
            check.true(what + ("one wrong unit is corrected" if P == 30 else "self-coupling holds a wrong unit"), good == (P == 30), "%.2f" % good)
        if P == 30:
            g = r["complete"]
            cue, response = g["cue"][:], g["response"][:]
            check.near("70 % of the units of a cue are hidden, on average", (cue == 0).mean(), 0.7, 5 * np.sqrt(0.21 / cue.size))
            check.true("recall ends where NumPy ends from the same cues", np.all(np.sign(response) == relax(W, cue, gain, 400, 0.1)))
            own = np.array([x @ s / (x @ x) for x, s in zip(xi[g["pattern"][:].astype(int)], response)])
            check.near("last overlap, mean over trials", g["target_overlap"][-1], own.mean(), 1e-12)
            check.near("its standard error", g["target_overlap_se"][-1], own.std(ddof=1) / np.sqrt(P), 1e-12)
            check.true("most patterns are completed", (own > y - 1e-3).mean() > 0.8, "%.2f" % (own > y - 1e-3).mean())
        r.close()
    # basins: 20 wrong units of 100 at alpha = 0.4
    ours, theirs, rng = [], [], np.random.default_rng(11)
    for seed in (1, 2, 3):
        r = sample(40, 0.2, seed)
        ours.append((np.sign(r["repair"]["x"][:, -1]) == r["stay"]["x"][:, 0]).all(axis=1))
        check.true("exactly 20 wrong signs", np.all((r["repair"]["x"][:, 0] * r["stay"]["x"][:, 0]).sum(axis=1) == 60))
        r.close()
    for _ in range(6):
        xi = rng.choice([-1.0, 1.0], size=(40, N))
        theirs.append((relax(xi.T @ np.linalg.pinv(xi.T), cues(rng, xi, 20), gain, 400, 0.1) == xi).all(axis=1))
    (a, ea), (b, eb) = share(ours), share(theirs)
    check.z("alpha = 0.4, cues of overlap 0.6: share repaired, NumPy", a, b, np.hypot(ea, eb))


def dense(check, program, work):
    """log-sum-exp energy, cues with a fraction rho of wrong signs. The weight of the pattern, e^(beta N (1 - 2 rho)), is above that of all others together,
    M cosh(beta)^N, for ln M/N < beta (1 - 2 rho) - ln cosh beta: the capacity grows exponentially with this rate (the annealed argument of Lucibello &
    Mezard, Phys. Rev. Lett. 132 (2024) 077301). Demircigil et al. (2017), theorem 3, beta = 1: no errors below I(1 - 2 rho)/2,
    I(a) = ((1 + a) ln(1 + a) + (1 - a) ln(1 - a))/2."""
    def sample(N, M, flips, beta, seed):
        r = run(program, "hopfield-capacity/dense.toml", work, "data.patterns.shape=[%d,%d]" % (M, N), "seed=%d" % seed, "model.beta=%g" % beta,
                "task.repair.initial.flip=%g" % (flips / N), "task.repair.replicas=100", "task.stay.replicas=100", "task.stay.duration=0.2",
                "task.stay.record.every=0.2", "task.repair.duration=5.0", "task.repair.dt=0.25", "task.repair.record.every=5.0")
        hit = (np.sign(r["repair"]["x"][:, -1]) == r["stay"]["x"][:, 0]).all(axis=1)
        r.close()
        return hit
    a = 1 - 4 / 30
    bound = np.exp(30 * ((1 + a) * np.log(1 + a) + (1 - a) * np.log(1 - a)) / 4)
    check.true("N = 30, two wrong signs: the bound of Demircigil et al. allows", bound > 800, "%.0f patterns; Hebb's rule 4" % bound)
    hit = sample(30, 800, 2, 1.0, 3)
    check.true("800 patterns in 30 units: all repaired", hit.all(), "%d of %d" % (hit.sum(), len(hit)))
    r = run(program, HEBB, work, "data.patterns.shape=[800,30]", "model.n=30", "task.stay.trials=100", "task.repair.trials=100")
    m = np.sqrt(r["repair"]["r2_response"][:])
    check.true("the same with Hebb's rule: none", (m > 0.9).mean() < 0.05, "%.2f" % (m > 0.9).mean())
    r.close()

    # the number of patterns at which half of the cues with 10 % wrong signs are repaired, beta = 1/2
    beta, half = 0.5, []
    shares = {}
    for N, loads, seeds in ((10, (64, 128, 256), (1, 2, 3)), (20, (1024, 2048, 4096), (1, 2))):
        p = []
        for M in loads:
            shares[N, M] = [sample(N, M, N // 10, beta, s) for s in seeds]
            p.append(np.clip(share(shares[N, M])[0], 0.01, 0.99))
        logit = np.log(np.array(p) / (1 - np.array(p)))
        slope, level = np.polyfit(np.log(loads), logit, 1)
        half.append(-level / slope)
    rate = beta * 0.8 - np.log(np.cosh(beta))
    # errors: a share is known to 0.04, the logit to 0.2 and, with a slope of about -2, ln M to 0.1 at each N
    check.z("rate of growth of ln M", (half[1] - half[0]) / 10, rate, 0.1 * np.sqrt(2) / 10)
    rng, theirs = np.random.default_rng(5), []
    for _ in range(3):
        xi = rng.choice([-1.0, 1.0], size=(2048, 20))

        def field(s, xi=xi):
            z = beta * s @ xi.T
            p = np.exp(z - z.max(axis=1, keepdims=True))
            return (p / p.sum(axis=1, keepdims=True)) @ xi
        theirs.append((relax(None, cues(rng, xi[:100], 2), 5.0, 20, 0.25, field) == xi[:100]).all(axis=1))
    (a, ea), (b, eb) = share(shares[20, 2048]), share(theirs)
    check.z("N = 20, 2048 patterns: share repaired, NumPy", a, b, np.hypot(ea, eb))


def spectrum(check, program, work):
    """T9: at rest the rates are 1 - gain y, y the eigenvalues of X X^T/N: N - P zeros and P in [(1 - sqrt alpha)^2, (1 + sqrt alpha)^2] with the density
    sqrt((y+ - y)(y - y-))/(2 pi alpha y) (Marchenko & Pastur 1967)."""
    r = run(program, "hopfield-capacity/spectrum.toml", work)
    gain, N, P = 0.4, 400, 100
    W, rates = r["train"]["weights"][-1], r["rates"]["relaxation_rate"][0]
    y = np.sort((1 - rates) / gain)
    eig = np.linalg.eigvalsh(W)
    check.near("rates are 1 - gain eig W, NumPy", np.abs(np.sort(rates) - np.sort(1 - gain * eig)[: len(rates)]).max(), 0, 1e-10)
    y = y[y > 1e-9]
    check.true("one slow mode per pattern, the other rates are 1", len(y) == P and (np.abs(eig) < 1e-10).sum() == N - P)
    lo, hi = (1 - np.sqrt(P / N)) ** 2, (1 + np.sqrt(P / N)) ** 2
    check.true("inside of the band, edges up to 3 N^(-2/3)", y[0] > lo - 3 * N ** (-2 / 3) and y[-1] < hi + 3 * N ** (-2 / 3),
               "%.3f to %.3f, band %.3f to %.3f" % (y[0], y[-1], lo, hi))
    grid = np.linspace(lo, hi, 20001)
    mid = (grid[1:] + grid[:-1]) / 2
    density = np.sqrt((hi - mid) * (mid - lo)) / (2 * np.pi * P / N * mid)
    cdf = np.r_[0, np.cumsum(density) * (grid[1] - grid[0])]
    check.near("the law has weight 1", cdf[-1], 1, 1e-4)
    ks = np.abs(np.interp(y, grid, cdf) - (np.arange(P) + 0.5) / P).max()
    check.true("Marchenko & Pastur: largest difference of the distribution", ks < 0.03, "%.4f" % ks)
    check.near("mean of y is that of the trace, exactly", y.sum(), np.trace(W), 1e-10)
    r.close()


def test(check, program, work):
    hebb(check, program, work)
    pseudo_inverse(check, program, work)
    dense(check, program, work)
    spectrum(check, program, work)


main(test)
