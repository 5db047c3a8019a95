# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""The problems of the comparison, and the loop that every peer runs.

All problems are dx = f(x) dt + sqrt(2 D) dW with Euler-Maruyama, dt = 0.05, x(0) standard normal, float64, and only the last state kept:

    dense   f = -x + W tanh(x)   N = 1000, 256 replicas, W_ij ~ N(0, g^2/N), g = 1.5
    small   f = -x + W tanh(x)   N = 10, 100 000 replicas
    ou      f = -x               1 unit, 100 000 replicas
    single  as small, one trajectory of N = 10 and of N = 100: for JiTCSDE, which has no ensembles
    lorenz  f = the Lorenz system (10, 28, 8/3) ten times slowed down, so that the step resolves it; one trajectory
    lorenz_ode   the same without noise, from (1, 1, 1), Dormand-Prince with rtol = 1e-8, atol = 1e-10; a "step" is 1 of time: for JiTCODE

W is drawn once and given to all tools. A peer is a program that reads one request per line and answers in one line, so that the driver
can let the tools take turns on a machine whose load drifts."""
import json
import math
import resource
import sys
import time

DT = 0.05
D = 0.125
G = 1.5
SIGMA = math.sqrt(2 * D)

RTOL, ATOL = 1e-8, 1e-10  # of lorenz_ode

PROBLEMS = {  # equation: network unless it is given
    "dense": {"n": 1000, "replicas": 256, "title": "dense rate network, N = 1000, 256 replicas"},
    "small": {"n": 10, "replicas": 100_000, "title": "small rate network, N = 10, 100 000 replicas"},
    "ou": {"n": 1, "replicas": 100_000, "equation": "leak", "title": "Ornstein-Uhlenbeck, 1 unit, 100 000 replicas"},
    "single10": {"n": 10, "replicas": 1, "title": "one trajectory of a rate network, N = 10"},
    "single100": {"n": 100, "replicas": 1, "title": "one trajectory of a rate network, N = 100"},
    "lorenz": {"n": 3, "replicas": 1, "equation": "lorenz", "title": "one noisy trajectory of the Lorenz system"},
    "lorenz_ode": {"n": 3, "replicas": 1, "equation": "lorenz", "noise": False, "dt": 1.0, "title": "the Lorenz system without noise"},
}


def lorenz(x, y, z):
    """Ten times slowed down."""
    return [y - x, (x * (28.0 - z) - y) / 10, (x * y - 8.0 / 3.0 * z) / 10]


def ou_variance(steps, dt=DT):
    """x' = a x + sqrt(2 D dt) n with a = 1 - dt, var x_0 = 1: a^(2 steps) + 2 D dt (1 - a^(2 steps)) / (1 - a^2)."""
    a2 = (1 - dt) ** 2
    return a2**steps + 2 * D * dt * (1 - a2**steps) / (1 - a2)


def moment(x, axis_of_units):
    """(m, se, count): m = mean over replicas of v_r = mean_i x_ri^2, its standard error from the spread of the independent v_r. All
    laws are odd, so m is the variance."""
    import numpy as np

    v = np.mean(np.asarray(x, dtype=np.float64) ** 2, axis=axis_of_units)
    if v.size == 1:
        return float(v[0]), 0.0, 1
    return float(v.mean()), float(v.std(ddof=1) / math.sqrt(v.size)), int(v.size)


def cpu_seconds():
    """Of this process and the programs it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def serve(build, axis_of_units, version):
    """build(config) -> run(steps) -> last state. Requests: {"steps": K, "check": bool}; the answer has wall and CPU seconds."""
    config = json.loads(sys.argv[1])
    out = sys.stdout
    sys.stdout = sys.stderr  # what libraries print must not disturb the answers
    run = build(config)
    print(json.dumps({"version": version, "compile": getattr(run, "compile_seconds", None)}), file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        t, cpu = time.perf_counter(), cpu_seconds()
        x = run(request["steps"], **request.get("options", {}))
        answer = {"seconds": time.perf_counter() - t, "cpu": cpu_seconds() - cpu}
        answer.update(getattr(run, "facts", {}))
        if request.get("check"):
            answer["moment"], answer["se"], answer["count"] = moment(x, axis_of_units)
        print(json.dumps(answer), file=out, flush=True)
