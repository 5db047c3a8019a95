# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""NumPy: one array x[unit, replica], in-place operations, one matrix product a step; SFC64, its fastest generator. Threads: the BLAS."""
import numpy as np

import problems


def build(config):
    n, replicas = config["n"], config["replicas"]
    equation = config["equation"]
    w = np.load(config["weights"]) if equation == "network" else None
    random = np.random.Generator(np.random.SFC64(1))
    y, noise = np.empty((n, replicas)), np.empty((n, replicas))
    h = config.get("dt", problems.DT)
    scale = problems.SIGMA * h**0.5

    def run(steps):
        x = random.standard_normal((n, replicas))
        f = np.empty_like(x)
        for _ in range(steps):
            if equation == "lorenz":
                f[...] = problems.lorenz(*x)
                f *= h
            elif w is None:
                np.multiply(x, -h, out=f)
            else:
                np.tanh(x, out=y)
                np.matmul(w, y, out=f)
                f -= x
                f *= h
            random.standard_normal(out=noise)
            np.multiply(noise, scale, out=noise)
            x += f
            x += noise
        return x

    return run


if __name__ == "__main__":
    problems.serve(build, 0, np.__version__)
