# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Diffrax: diffeqsolve with Euler and a constant step, vmap over the keys of the replicas, jit. UnsafeBrownianPath is the Brownian motion
that its documentation names for fixed steps without gradients (faster than VirtualBrownianTree); diagonal noise as a linear operator."""
import json
import os
import sys

# JAX reads its environment when it is imported.
if len(sys.argv) > 1 and json.loads(sys.argv[1])["threads"] == 1:
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

import diffrax
import jax
import jax.numpy as jnp
import lineax
import numpy as np

import problems


def build(config):
    n, replicas = config["n"], config["replicas"]
    w = jnp.asarray(np.load(config["weights"])) if n > 1 else None
    sigma = jnp.full(n, problems.SIGMA)
    shape = jax.ShapeDtypeStruct((n,), jnp.float64)

    def drift(t, x, args):
        return -x if w is None else args @ jnp.tanh(x) - x

    def diffusion(t, x, args):
        return lineax.DiagonalLinearOperator(sigma)

    def one(x0, key, t1, args):
        path = diffrax.UnsafeBrownianPath(shape, key)
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(diffusion, path))
        solution = diffrax.diffeqsolve(terms, diffrax.Euler(), 0.0, t1, problems.DT, x0, args, saveat=diffrax.SaveAt(t1=True),
                                       adjoint=diffrax.ForwardMode(), max_steps=None)
        return solution.ys[0]

    solve = jax.jit(jax.vmap(one, in_axes=(0, 0, None, None)))
    state = {"key": jax.random.key(3)}

    def run(steps):
        state["key"], a, b = jax.random.split(state["key"], 3)
        x0 = jax.random.normal(a, (replicas, n), jnp.float64)
        return solve(x0, jax.random.split(b, replicas), steps * problems.DT, w).block_until_ready()

    return run


if __name__ == "__main__":
    problems.serve(build, 1, f"{diffrax.__version__} (jax {jax.__version__})")
