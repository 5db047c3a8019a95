#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/reentry-regimes against the radial flow (closed forms and its integral by quadrature): radii, rates, exponents of the onset, regimes,
the turning limit cycle with its Floquet multiplier, exp(-U/T) as the law of a state that turns, fluctuations and entropy production below onset."""
from example import main, np, run


def texts(g, name):
    return [v.decode() if isinstance(v, bytes) else v for v in g[name][:]]


def onset(check, program, directory):
    def shell(*args):
        r = run(program, "reentry-regimes/onset.toml", directory, *args)
        x, rates = r["points"]["x"][:, 0], r["rates"]
        out = np.sort(x), rates["relaxation_rate"][:, 0], rates["shell_radius"][:], rates["shell_rate"][:], texts(rates, "regime")
        r.close()
        return out
    # gain form, gamma rho and beta: r* = 1 + (gamma rho - 1)/beta, rate beta r*/(gamma rho)
    for G, beta, radius, rate in ((1.0, .1, 1.0, .1), (1.05, .1, 1.5, .142857142857), (1.5, .5, 2.0, 2 / 3), (.8, .5, .6, .375)):
        x, rates, r0, rate0, names = shell("model.gamma=%g" % G, "model.beta=%g" % beta)
        what = "gain form, gamma rho = %g, beta = %g: " % (G, beta)
        check.true(what + "two ends and the origin", len(x) == 3 and abs(x[1]) < 1e-10)
        check.near(what + "radius", x[2], radius, 1e-9)
        check.near(what + "rate", rates[0], rate, 1e-8)
        check.near(what + "radius and rate of the reduction", abs(r0[0] - radius) + abs(rate0[0] - rate), 0, 1e-11)
        check.true(what + "reactive", set(names) == {"reactive"}, str(names))
    # onsets: exponent 1/2 at gamma rho = 1 (rate: exponent 1), and linear at gamma rho = 1 - beta
    for form, critical, exponent, extra in (("soft-shell", 1.0, 0.5, "model.kappa=0.8"), ("gain", 0.7, 1.0, "model.beta=0.3")):
        e = np.array([0.08, 0.005])
        radii, rates = [], []
        for step in e:
            x, rate, r0, rate0, names = shell("model.form=%s" % form, "model.gamma=%.17g" % (critical + step), extra)
            radii.append(x[-1])
            rates.append(rate[0])
        slope = np.diff(np.log(radii))[0] / np.diff(np.log(e))[0]
        check.near("%s: exponent of the radius" % form, slope, exponent, 0.005)
        if form == "soft-shell":
            check.near("soft-shell: exponent of the relaxation time", -np.diff(np.log(rates))[0] / np.diff(np.log(e))[0], -1.0, 0.01)
            check.near("soft-shell: radius", radii[0], np.sqrt(0.08 / 0.8), 1e-8)
        x, rate, r0, rate0, names = shell("model.form=%s" % form, "model.gamma=%.17g" % (critical - 0.1), extra)
        check.true("%s: quenched below" % form, len(x) == 1 and names == ["quenched"] and r0[0] == 0, str(names))
        check.near("%s: rate below" % form, rate[0], 0.1 / critical, 1e-9)


def memory(check, program, directory):
    """Fast weights: y' = -y + gamma (rho + A) y - kappa y^3, A' = (-A + eta y^2)/tau: y^2 = (gamma rho - 1)/(kappa - gamma eta) and a slow mode."""
    gamma, kappa, eta, tau = 1.2, 0.9, 0.25, 20.0
    r = run(program, "reentry-regimes/onset.toml", directory, "model.form=soft-shell", "model.gamma=%g" % gamma, "model.kappa=%g" % kappa,
            "model.eta=%g" % eta, "model.tau_fast=%g" % tau)
    y, A, rates = r["points"]["x"][:, 0], r["points"]["x"][:, 1], r["rates"]["relaxation_rate"][:]
    q = (gamma - 1) / (kappa - gamma * eta)
    check.near("fast weights: activity and memory at the ends", np.abs(y[:2]**2 - q).max() + np.abs(A[:2] - eta * q).max(), 0, 1e-9)
    J = np.array([[-2 * kappa * q, gamma * np.sqrt(q)], [2 * eta * np.sqrt(q) / tau, -1 / tau]])
    check.near("fast weights: two time scales", np.abs(rates[0] - np.sort(-np.linalg.eigvals(J).real)).max(), 0, 1e-9)
    check.true("fast weights: the slow one is slower than 1/tau", 0 < rates[0, 0] < 1 / tau < rates[0, 1])
    r.close()


def turning(check, program, directory):
    r = run(program, "reentry-regimes/shell.toml", directory)
    g, rates, cycle = r["law"], r["rates"], r["cycle"]
    rate, omega, radius, T, beta, G = 1 / 7, 0.5, 1.5, 0.005, 0.1, 1.05
    check.true("the origin is the only fixed point, unstable", len(r["rest"]["x"][:]) == 1 and r["rest"]["n_unstable"][0] == 2)
    check.near("radius", rates["shell_radius"][0], radius, 1e-12)
    check.near("rate of the radius", rates["shell_rate"][0], rate, 1e-12)
    check.near("angular velocity", rates["shell_frequency"][0], omega, 1e-12)
    check.true("reflective", texts(rates, "regime") == ["reflective", "reflective"])
    # J on the shell in the basis (n, t): [[-rate, -w], [w + gamma g' omega r, 0]]
    g0 = 1 / (1 + beta * (radius - 1))
    J = np.array([[-rate, -omega], [omega - 1.05 * beta * g0**2 * 0.5 * radius, 0]])
    want = np.linalg.eigvals(J)
    check.near("J on the shell: rate", rates["relaxation_rate"][0, 0], -want.real.max(), 1e-10)
    check.near("J on the shell: frequency", rates["angular_frequency"][0, 0], want.imag.max(), 1e-10)
    check.near("period of the cycle", cycle["period"][0], 2 * np.pi / omega, 1e-8)
    check.near("Floquet multiplier", cycle["multiplier"][0, 1, 0], np.exp(-rate * 2 * np.pi / omega), 1e-8)
    check.near("radius of the cycle", np.hypot(cycle["x"][0, :, 0], cycle["x"][0, :, 1]).mean(), radius, 1e-8)
    # p(r) ~ r exp(-U/T), U' = r - G r/(1 + beta (r - 1))
    s = np.linspace(0, 4, 40001)
    slope = s - G * s / (1 + beta * (s - 1))
    U = np.concatenate(([0], np.cumsum((slope[1:] + slope[:-1]) / 2 * (s[1] - s[0]))))
    p = s * np.exp(-(U - U.min()) / T)
    p /= p.sum()
    x = g["x"][:].astype(float)
    q = (x**2).sum(axis=2)
    shift = np.abs(g["dt_shift_variance"][:]).sum() + 2 * g["dt_shift_variance_se"][:].sum()
    for name, f in (("<r>", np.sqrt), ("<r^2>", lambda y: y), ("<r^4>", lambda y: y**2)):
        per = f(q).mean(axis=1)
        check.z("law of the radius: " + name, per.mean(), (p * f(s**2)).sum(), np.hypot(per.std() / np.sqrt(len(per)), shift / 4))
    check.near("variance of the radius against the law", np.sqrt(q).var() / ((p * s**2).sum() - (p * s).sum()**2), 1, 0.1)
    # the marginal law of x: integral of p(r)/(pi sqrt(r^2 - x^2))
    edges = np.linspace(-2.5, 2.5, 81)
    arc = lambda x: (p[1:] * (1 - np.arccos(np.clip(x / s[1:], -1, 1)) / np.pi)).sum()
    law = np.diff([arc(y) for y in edges]) / (edges[1] - edges[0])
    check.near("histogram of x: total variation distance from the law", np.abs(g["x_histogram"][0] - law).sum() * (edges[1] - edges[0]) / 2, 0, 0.02)
    # and it turns: after 10 time units the phase has grown by 5, less what diffusion forgets: <cos> = exp(-10 T/r^2) or so
    z = x[:, :, 0] + 1j * x[:, :, 1]
    turn = (z[:, 1:] * z[:, :-1].conj()).mean()
    check.near("phase after 10 time units", np.angle(turn), np.angle(np.exp(5j)), 0.05)
    r.close()


def below(check, program, directory):
    r = run(program, "reentry-regimes/below.toml", directory)
    g, rates = r["response"], r["rates"]
    gap, w, T = 0.1, 0.9 * 0.3, 1e-4
    check.true("quenched", texts(rates, "regime") == ["quenched"])
    check.near("rates", np.abs(rates["relaxation_rate"][0] - gap).max(), 0, 1e-12)
    check.near("frequencies", np.abs(np.abs(rates["angular_frequency"][0]) - w).max(), 0, 1e-12)
    check.near("covariance T/(1 - gamma rho) although it turns", np.abs(g["covariance"][:] - T / gap * np.eye(4)).max(), 0, 1e-14)
    check.near("entropy production n w^2/(1 - gamma rho)", g["entropy_production"][()], 4 * w**2 / gap, 1e-10)
    check.near("static susceptibility", g["static_susceptibility"][0, 0], gap / (gap**2 + w**2), 1e-12)
    f = g["frequency"][:]
    chi = g["susceptibility"][:, 0, 0, :]
    want = 0.5 / (gap - 1j * (2 * np.pi * f + w)) + 0.5 / (gap - 1j * (2 * np.pi * f - w))
    check.near("susceptibility: a resonance at the frequency of rotation", np.abs(chi[:, 0] + 1j * chi[:, 1] - want).max(), 0, 1e-10)
    r.close()


def test(check, program, directory):
    onset(check, program, directory)
    memory(check, program, directory)
    turning(check, program, directory)
    below(check, program, directory)


main(test)
