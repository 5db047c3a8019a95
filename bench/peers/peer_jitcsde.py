# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""JiTCSDE: one trajectory at a time, compiled C from symbolic equations, an adaptive scheme of strong order 1.5 (Roessler, additive
noise), one thread. tanh(x_j) is a helper, as its documentation advises. Variants: "adaptive" with the default tolerances, "fixed" with its
step held at 0.05 by tolerances that accept everything. The steps it took are counted, rejected ones too."""
import os
import tempfile
import time
from importlib.metadata import version

import numpy as np
import symengine
from jitcsde import jitcsde, y

import problems


class Counting(jitcsde):
    tried = 0

    def _adjust_step_size(self, actual_dt):
        self.tried += 1
        return super()._adjust_step_size(actual_dt)


def build(config):
    n = config["n"]
    os.chdir(tempfile.mkdtemp(prefix="jitcsde-", dir=config["folder"]))  # its C code goes here
    t = time.perf_counter()
    if config["equation"] == "lorenz":
        helpers, f = [], problems.lorenz(y(0), y(1), y(2))
    else:
        w = np.load(config["weights"])
        rates = [symengine.Symbol(f"r{j}") for j in range(n)]
        helpers = [(rates[j], symengine.tanh(y(j))) for j in range(n)]
        f = [sum((float(w[i, j]) * rates[j] for j in range(n)), -y(i)) for i in range(n)]
    sde = Counting(f, [problems.SIGMA] * n, helpers=helpers, additive=True, verbose=False)
    sde.compile_C()
    seconds = time.perf_counter() - t
    random = np.random.default_rng(5)

    def trajectory(duration, seed):
        if config["variant"] == "fixed":
            sde.set_integration_parameters(atol=1e12, rtol=1e12, first_step=problems.DT, max_step=problems.DT, increase_threshold=0.0)
        else:
            sde.set_integration_parameters(first_step=problems.DT)
        sde.set_seed(seed)
        sde.set_initial_value(random.standard_normal(n), 0.0)
        return np.array(sde.integrate(duration))

    def run(steps, trajectories=1):
        sde.tried = 0
        x = [trajectory(steps * problems.DT, int(random.integers(2**31))) for _ in range(trajectories)]
        run.facts = {"own_steps": sde.tried}
        return np.array(x)

    run.compile_seconds = seconds
    return run


if __name__ == "__main__":
    problems.serve(build, 1, version("jitcsde"))
