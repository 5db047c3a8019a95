# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""A step of free-energy learning (Spisak & Friston, arXiv 2505.22749; synchronous continuous-Bernoulli units, float64): the task `learn` beside the same
algorithm vectorised in NumPy with in-place operations, one network and 20 at once (NumPy: one more axis; Separatrix: `networks = 20`).

usage: learning.py EXE [--rounds 4]

The law first: both learn the same patterns, and the norms of the weights of 20 networks must agree within 5 standard errors. The time of a step is the
difference between the processor times of a long and a short run over the difference of steps, one thread; the least of all rounds counts, in which the tools
take turns."""
import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time

import h5py

EXPERIMENT = """title = "Learning beside NumPy"
seed = 1
[data.patterns]
random = "gaussian"
shape = [10, {n}]
[model]
kind = "free-energy"
n = {n}
[noise]
kind = "none"
[[task]]
name = "train"
do = "learn"
data = "patterns"
rate = {rate}
evidence = 5.0
inverse_temperature = 0.2
epochs = {epochs}
steps = 10
networks = {networks}
snapshots = {{ n = 1 }}
attractors = false
monitor = 1000000000
"""
CASES = ((64, 1, 200_000, 10_000), (64, 20, 20_000, 1_000), (1024, 1, 2_000, 200))  # units, networks, steps of Separatrix and of NumPy


def langevin(np, t, out, small):
    """coth t - 1/t; below 1e-2 the series."""
    np.abs(t, out=out)
    tiny = out < 1e-2
    u = np.where(tiny, 1.0, t)
    np.tanh(u, out=out)
    np.reciprocal(out, out=out)
    np.reciprocal(u, out=small)
    out -= small
    np.copyto(out, t * (1 / 3 - t * t * (1 / 45)), where=tiny)
    return out


def learn(np, x, rate, networks, steps, seed):
    """J[k] += rate (s' - L(J s)) s'^T, s' = F^-1(u) of theta = 0.2 (5 x + J s); 10 steps a pattern. Returns the weights."""
    n = x.shape[1]
    random = np.random.Generator(np.random.SFC64(seed))
    shape = (networks, n) if networks > 1 else (n,)
    J, outer = np.zeros((*shape, n)), np.empty((*shape, n))
    s, a, e, y, small, h = (np.zeros(shape) for _ in range(6))
    diagonal = np.arange(n)
    flat = J.reshape(-1)[:: n + 1] if networks == 1 else None  # its diagonal
    for step in range(steps):
        if step % 10 == 0:
            b = 5.0 * x[random.integers(len(x), size=networks if networks > 1 else None)]
        if networks > 1:
            np.matmul(J, s[:, :, None], out=h[:, :, None])
        else:
            np.dot(J, s, out=h)
        theta = 0.2 * (b + h)
        np.abs(theta, out=a)
        np.maximum(a, 1e-6, out=a)
        u = random.random(shape)
        np.multiply(a, -2.0, out=y)
        np.exp(y, out=y)
        y *= 1 - u
        y += u
        np.log(y, out=y)
        y /= a
        y += 1
        np.copysign(1.0, theta, out=a)
        np.multiply(y, a, out=s)
        langevin(np, h, e, small)
        np.subtract(s, e, out=e)
        e *= rate
        np.multiply(e[..., :, None], s[..., None, :], out=outer)
        J += outer
        if networks > 1:
            J[:, diagonal, diagonal] = 0
        else:
            flat[:] = 0
    return J.reshape(networks, n, n)


def worker():
    """Requests: [n, networks, steps, rate, file of patterns or null]; answers: [seconds, norms]."""
    import numpy as np

    for line in sys.stdin:
        n, networks, steps, rate, file = json.loads(line)
        x = np.load(file) if file else np.random.default_rng(1).normal(size=(10, n))
        t = time.process_time()
        J = learn(np, x, rate, networks, steps, 1)
        print(json.dumps([time.process_time() - t, np.linalg.norm(J, axis=(1, 2)).tolist()]), flush=True)


def used():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def separatrix(exe, folder, n, networks, steps):
    """Seconds, and the file with the result."""
    path, out = os.path.join(folder, "learn.toml"), os.path.join(folder, "out")
    with open(path, "w", encoding="utf-8") as f:
        f.write(EXPERIMENT.format(n=n, rate=0.02 / n, epochs=max(1, steps // 10), networks=networks))
    t = used()
    subprocess.run([exe, "run", path, "--out", out, "--force", "--quiet", "--no-report", "--threads", "1"], check=True, stdout=subprocess.DEVNULL)
    return used() - t, os.path.join(out, "result.h5")


def main():
    import numpy as np

    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("exe")
    p.add_argument("--rounds", type=int, default=4)
    o = p.parse_args()
    env = dict(os.environ, **{name + "_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})
    peer = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def numpy(*request):
        peer.stdin.write(json.dumps(request) + "\n")
        peer.stdin.flush()
        return json.loads(peer.stdout.readline())

    with tempfile.TemporaryDirectory() as folder:
        _, file = separatrix(o.exe, folder, 64, 20, 2000)
        with h5py.File(file, "r") as f:
            np.save(os.path.join(folder, "x.npy"), f["train/patterns"][:])
            ours = np.linalg.norm(f["train/weights"][:, -1], axis=(1, 2))
        theirs = np.array(numpy(64, 20, 2000, 0.02 / 64, os.path.join(folder, "x.npy"))[1])
        z = (ours.mean() - theirs.mean()) / math.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / 20)
        print("norms of 20 networks of 64 units: %.4f, NumPy %.4f, z = %.1f%s\n" % (ours.mean(), theirs.mean(), z, "" if abs(z) < 5 else ": WRONG"))
        print("| units | networks | Separatrix us | NumPy us | ratio |")
        print("|---:|---:|---:|---:|---:|")
        for n, networks, *steps in CASES:
            least = {}
            for _ in range(o.rounds):
                for part in (10, 1):
                    t = separatrix(o.exe, folder, n, networks, steps[0] // part)[0]
                    least["S", part] = min(t, least.get(("S", part), math.inf))
                    t = numpy(n, networks, steps[1] // part, 0.02 / n, None)[0]
                    least["N", part] = min(t, least.get(("N", part), math.inf))
            us = {k: 1e6 * (least[k, 1] - least[k, 10]) / (0.9 * count) / networks for k, count in zip("SN", steps)}
            print("| %d | %d | %.4g | %.4g | %.1f |" % (n, networks, us["S"], us["N"], us["N"] / us["S"]), flush=True)
    peer.stdin.close()
    peer.wait()
    return int(abs(z) >= 5)


if __name__ == "__main__":
    sys.exit(worker() if "--worker" in sys.argv else main())
