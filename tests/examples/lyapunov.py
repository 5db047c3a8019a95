#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/lyapunov against literature and against integrations with NumPy: the Lorenz system with its variational equation (another step,
another interval between the QR factors), and networks that NumPy draws itself, without noise and with common noise.

SX_NIGHTLY=1: networks of 1000 units beside mean-field theory."""
import os

from example import main, np, run


def numpy_lorenz(copies, dt=0.005, burn=30.0, duration=100.0, every=20):
    """Exponents of `copies` independent trajectories at once: RK4 of (x, U), QR of U after every 20 steps."""
    rng = np.random.default_rng(1)

    def rhs(x, U):
        a, b, c = x[:, 0], x[:, 1], x[:, 2]
        f = np.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], axis=1)
        J = np.zeros((copies, 3, 3))
        J[:, 0, 0], J[:, 0, 1] = -10, 10
        J[:, 1, 0], J[:, 1, 1], J[:, 1, 2] = 28 - c, -1, -a
        J[:, 2, 0], J[:, 2, 1], J[:, 2, 2] = b, a, -8 / 3
        return f, J @ U
    x = rng.standard_normal((copies, 3)) + [0, 0, 20]
    U = np.broadcast_to(np.eye(3), (copies, 3, 3)).copy()
    total = np.zeros((copies, 3))
    steps, first = int(round((burn + duration) / dt)), int(round(burn / dt))
    for step in range(1, steps + 1):
        f1, g1 = rhs(x, U)
        f2, g2 = rhs(x + dt / 2 * f1, U + dt / 2 * g1)
        f3, g3 = rhs(x + dt / 2 * f2, U + dt / 2 * g2)
        f4, g4 = rhs(x + dt * f3, U + dt * g3)
        x = x + dt / 6 * (f1 + 2 * f2 + 2 * f3 + f4)
        U = U + dt / 6 * (g1 + 2 * g2 + 2 * g3 + g4)
        if step % every == 0:
            U, R = np.linalg.qr(U)
            if step > first:
                total += np.log(np.abs(np.diagonal(R, axis1=1, axis2=2)))
    return total / duration


def numpy_networks(count, N, g, D, seed, dt=0.05, burn=40.0, duration=150.0):
    """Largest exponent of `count` networks: Heun's scheme, whose tangent uses the noise of the trajectory at both stages."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        W = rng.standard_normal((N, N)) * g / np.sqrt(N)
        np.fill_diagonal(W, 0)
        x, u, total = rng.standard_normal(N), rng.standard_normal(N), 0.0
        for step in range(int(round((burn + duration) / dt))):
            xi = np.sqrt(2 * D * dt) * rng.standard_normal(N) if D > 0 else 0.0
            p = np.tanh(x)
            f, j = W @ p - x, W @ ((1 - p * p) * u) - u
            y, v = x + dt * f + xi, u + dt * j
            q = np.tanh(y)
            x = x + dt / 2 * (f + W @ q - y) + xi
            u = u + dt / 2 * (j + W @ ((1 - q * q) * v) - v)
            norm = np.linalg.norm(u)
            u /= norm
            if step * dt >= burn:
                total += np.log(norm)
        out.append(total / duration)
    return np.array(out)


def networks(program, directory, N, seeds):
    """Exponents of both tasks, one row per network."""
    out = {"quiet": [], "driven": []}
    for seed in seeds:
        more = ["task.%s.%s" % (task, what) for task in out for what in ("exponents=4", "burn_in=40.0", "duration=150.0", "dt=0.05")]
        r = run(program, "lyapunov/network.toml", directory, "model.coupling.n=%d" % N, "seeds.coupling=%d" % seed, *more)
        for task in out:
            out[task].append(r[task]["exponent"][:])
        r.close()
    return {task: np.array(v) for task, v in out.items()}


def error(v):
    return v.std(ddof=1) / np.sqrt(len(v))


def test(check, program, directory):
    r = run(program, "lyapunov/lorenz.toml", directory)
    chaos, numpy = r["chaos"], numpy_lorenz(48)
    value, se = chaos["exponent"][:], chaos["exponent_se"][:]
    want = [0.9056, 0.0, -14.5723]
    for i in (0, 2):
        check.z("Lorenz, exponent %d, literature" % (i + 1), value[i], want[i], np.hypot(se[i], 5e-5))
        check.z("Lorenz, exponent %d, NumPy" % (i + 1), value[i], numpy[:, i].mean(), np.hypot(se[i], error(numpy[:, i])))
    check.near("exponent along the flow", value[1], 0, 1e-3)
    check.near("sum", value.sum(), -41 / 3, 5e-4)
    check.near("divergence_mean", chaos["divergence_mean"][()], -41 / 3, 1e-10)
    check.z("Kaplan-Yorke dimension", chaos["kaplan_yorke"][()], 2.0622, np.hypot(chaos["kaplan_yorke_se"][()], 5e-5))
    predicted = numpy[:, 0].std(ddof=1) * np.sqrt(100 / (8 * 500))  # the spread over time 100, averaged over 8 runs of 500
    check.true("its error as NumPy's spread predicts", 1 / 3 < se[0] / predicted < 3, "%.4f, predicted %.4f" % (se[0], predicted))
    x, v = chaos["covariant_state"][:], chaos["covariant_vector"][:][:, 1, :]
    F = np.stack([10 * (x[:, 1] - x[:, 0]), x[:, 0] * (28 - x[:, 2]) - x[:, 1], x[:, 0] * x[:, 1] - 8 / 3 * x[:, 2]], axis=1)
    along = np.abs((F * v).sum(axis=1)) / np.linalg.norm(F, axis=1)
    check.near("second covariant vector along the flow", along.min(), 1, 1e-5)
    r.close()

    N = 150
    ours = networks(program, directory, N, range(1, 9))
    for task, D in (("quiet", 0.0), ("driven", 0.5)):
        numpy, largest = numpy_networks(8, N, 2.0, D, 11), ours[task][:, 0]
        check.z("N = 150, %s, 8 networks beside 8 of NumPy" % task, largest.mean(), numpy.mean(), np.hypot(error(largest), error(numpy)))
        check.true("exponents in order, %s" % task, np.all(np.diff(ours[task], axis=1) < 0.02))
    check.true("noise takes chaos away", np.all(ours["driven"][:, 0] < ours["quiet"][:, 0]))

    if os.environ.get("SX_NIGHTLY"):
        ours = networks(program, directory, 1000, range(1, 5))
        check.z("N = 1000, quiet, beside mean field", ours["quiet"][:, 0].mean(), 0.112458, np.hypot(error(ours["quiet"][:, 0]), 0.008), limit=6.0)
        check.z("N = 1000, driven, beside mean field", ours["driven"][:, 0].mean(), 0.008136, np.hypot(error(ours["driven"][:, 0]), 0.004), limit=6.0)


main(test)
