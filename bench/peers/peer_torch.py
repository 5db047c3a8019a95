# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""PyTorch on the CPU: x[unit, replica] without gradients; "eager" uses in-place operations, "compile" one torch.compile'd step."""
import math

import numpy as np
import torch

import problems


def build(config):
    torch.set_num_threads(config["threads"])
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(2)
    n, replicas = config["n"], config["replicas"]
    w = torch.from_numpy(np.load(config["weights"])) if n > 1 else None
    h, scale = problems.DT, problems.SIGMA * math.sqrt(problems.DT)

    @torch.inference_mode()
    def eager(steps):
        x = torch.randn(n, replicas)
        y, f, noise = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
        for _ in range(steps):
            noise.normal_()
            if w is None:
                x.mul_(1 - h)
            else:
                torch.tanh(x, out=y)
                torch.mm(w, y, out=f)
                x.mul_(1 - h).add_(f, alpha=h)
            x.add_(noise, alpha=scale)
        return x

    def step(x):
        f = -x if w is None else w @ torch.tanh(x) - x
        return x + h * f + scale * torch.randn_like(x)

    compiled = torch.compile(step, dynamic=False)

    @torch.no_grad()
    def fused(steps):
        x = torch.randn(n, replicas)
        for _ in range(steps):
            x = compiled(x)
        return x

    return fused if config["variant"] == "compile" else eager


if __name__ == "__main__":
    problems.serve(build, 0, torch.__version__)
