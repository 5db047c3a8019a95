# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""torchsde: sdeint with method = "euler", Ito, diagonal noise, one batch of replicas, no gradients, dt = 0.05, ts = [0, T]; its
BrownianInterval is told dt, as its documentation advises for constant steps."""
from importlib.metadata import version

import numpy as np
import torch
import torchsde

import problems


class Network(torch.nn.Module):
    noise_type, sde_type = "diagonal", "ito"

    def __init__(self, w, n):
        super().__init__()
        self.w = w
        self.sigma = torch.full((1, n), problems.SIGMA)

    def f(self, t, x):
        return -x if self.w is None else torch.tanh(x) @ self.w - x

    def g(self, t, x):
        return self.sigma.expand_as(x)


def build(config):
    torch.set_num_threads(config["threads"])
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(4)
    n, replicas = config["n"], config["replicas"]
    w = torch.from_numpy(np.load(config["weights"]).T.copy()) if n > 1 else None
    sde = Network(w, n)

    @torch.no_grad()
    def run(steps):
        x0 = torch.randn(replicas, n)
        ts = torch.tensor([0.0, steps * problems.DT])
        bm = torchsde.BrownianInterval(t0=0.0, t1=float(ts[1]), size=(replicas, n), dtype=torch.float64, dt=problems.DT)
        return torchsde.sdeint(sde, x0, ts, bm=bm, method="euler", dt=problems.DT)[-1]

    return run


if __name__ == "__main__":
    problems.serve(build, 1, f"{version('torchsde')} (torch {torch.__version__})")
