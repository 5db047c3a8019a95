# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""JiTCODE: compiled C from symbolic equations, integrated by SciPy's dopri5 as its documentation advises; one thread."""
import os
import tempfile
import time
from importlib.metadata import version

import numpy as np
from jitcode import jitcode, y

import problems


def build(config):
    os.chdir(tempfile.mkdtemp(prefix="jitcode-", dir=config["folder"]))  # its C code goes here
    t = time.perf_counter()
    ode = jitcode(problems.lorenz(y(0), y(1), y(2)), verbose=False)
    ode.compile_C()
    seconds = time.perf_counter() - t
    ode.set_integrator("dopri5", rtol=problems.RTOL, atol=problems.ATOL, nsteps=10**9)

    def run(steps):
        ode.set_initial_value(np.ones(3), 0.0)
        return np.array([ode.integrate(steps * config["dt"])])

    run.compile_seconds = seconds
    return run


if __name__ == "__main__":
    problems.serve(build, 1, version("jitcode"))
