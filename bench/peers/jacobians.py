# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""1024 Jacobians of a GRU with 256 units, float64: PyTorch's vmap(jacrev) at its best chunk size beside `separatrix bench --only jacobians`.

usage: jacobians.py EXE [--threads 1,2] [--rounds 2]

Both evaluate d h'/d h at 1024 states under one input. PyTorch's cell is written out (torch.nn.GRUCell has no batching rule); `jacrev` is the mode its
documentation advises for as many outputs as inputs on a matrix of products; `jacfwd` is timed as well. The chunk is the best of four on 128 states; tools take turns, the least time counts."""
import argparse
import re
import subprocess
import sys
import time

UNITS, POINTS = 256, 1024


def ours(exe, threads):
    out = subprocess.run([exe, "bench", "--only", "jacobians", "--threads", str(threads)], check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = dict((int(t), float(ms)) for t, ms in re.findall(r"^N=256, 1024 points +(\d+) +([\d.e+]+)", out, re.M))
    return rows[threads] * 1e-3


def seconds(f, h):
    import torch

    t = time.perf_counter()
    with torch.no_grad():
        f(h)
    return time.perf_counter() - t


def main():
    import torch
    from torch.func import jacfwd, jacrev, vmap

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("exe")
    options.add_argument("--threads", default="1,2")
    options.add_argument("--rounds", type=int, default=2)
    o = options.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    cell = torch.nn.GRUCell(1, UNITS)
    whh, bhh = cell.weight_hh.detach(), cell.bias_hh.detach()
    gi = (cell.weight_ih.detach() @ torch.zeros(1)) + cell.bias_ih.detach()

    def step(h):
        a = whh @ h + bhh
        r = torch.sigmoid(gi[:UNITS] + a[:UNITS])
        z = torch.sigmoid(gi[UNITS : 2 * UNITS] + a[UNITS : 2 * UNITS])
        n = torch.tanh(gi[2 * UNITS :] + r * a[2 * UNITS :])
        return (1 - z) * n + z * h

    h = torch.randn(POINTS, UNITS)
    with torch.no_grad():
        assert torch.allclose(vmap(step)(h), cell(torch.zeros(POINTS, 1), h), atol=1e-14)

    print("| threads | Separatrix s | vmap(jacrev) s | chunk | jacfwd s | chunk | ratio to jacrev | to the faster |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for threads in [int(t) for t in o.threads.split(",")]:
        torch.set_num_threads(threads)
        best = {"jacrev": (float("inf"), 0), "jacfwd": (float("inf"), 0)}
        mine = float("inf")
        for name, transform in (("jacrev", jacrev), ("jacfwd", jacfwd)):
            trial = {chunk: seconds(vmap(transform(step), chunk_size=chunk), h[:128]) for chunk in (4, 16, 64, 128)}
            chunk = min(trial, key=trial.get)
            for _ in range(o.rounds):
                mine = min(mine, ours(o.exe, threads))
                best[name] = min(best[name], (seconds(vmap(transform(step), chunk_size=chunk), h), chunk))
        r, f = best["jacrev"], best["jacfwd"]
        print("| %d | %.3f | %.3f | %d | %.3f | %d | %.1f | %.1f |" % (threads, mine, r[0], r[1], f[0], f[1], r[0] / mine, min(r[0], f[0]) / mine))
        sys.stdout.flush()


main()
