#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Golden numbers of the cells from PyTorch in double precision: tests/data/cell/*. Needs torch and numpy; the files are committed.

NAME.safetensors   weights as torch.nn.RNN, GRU, LSTM store them, under the prefix "rnn."
NAME_golden.npz    one step: x (points, state), u (points, inputs), y (points, state) with weights of size 1 (w_*, in the file itself);
                   J: torch.autograd's Jacobian of the state map at x[0], u[0]; long: the states (1000, state) from zero under the
                   input of long.npy (1000, inputs) with the weights of NAME.safetensors, which contract
The state of a stack is h of all layers, then c of all layers. Usage: make_cell_fixtures.py"""
import json
import pathlib
import struct

import numpy as np
import torch

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "cell"
DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
INPUTS = 2


def save_safetensors(path, tensors):
    """The format of github.com/huggingface/safetensors, README: header length, JSON header, data."""
    header, data = {}, b""
    for name, t in tensors.items():
        t = t.detach().contiguous()
        raw = t.view(torch.int16).numpy().tobytes() if t.dtype == torch.bfloat16 else t.numpy().tobytes()
        header[name] = {"dtype": DTYPES[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def module(kind, hidden, layers=1):
    if kind.startswith("rnn_"):
        return torch.nn.RNN(INPUTS, hidden, layers, nonlinearity=kind[4:], dtype=torch.float64)
    return {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind](INPUTS, hidden, layers, dtype=torch.float64)


def fill(net, generator, scale):
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(scale * (2 * torch.rand(p.shape, generator=generator, dtype=torch.float64) - 1))


def split(net, x):
    """Flat states (points, state) as PyTorch's initial states (layers, points, hidden)."""
    parts = x.reshape(x.shape[0], -1, net.hidden_size).transpose(0, 1).contiguous()
    return (parts[:net.num_layers], parts[net.num_layers:]) if isinstance(net, torch.nn.LSTM) else parts


def join(state):
    parts = torch.cat(state) if isinstance(state, tuple) else state
    return parts.transpose(0, 1).reshape(parts.shape[1], -1)


def step(net, x, u):
    return join(net(u[None], split(net, x))[1])


def trajectory(net, u, x):
    """States after each step: u (time, trials, inputs), x (trials, state) -> (time, trials, state)."""
    states = []
    for k in range(u.shape[0]):
        x = step(net, x, u[k])
        states.append(x)
    return torch.stack(states)


def case(name, kind, hidden, layers, seed, scale, long=None):
    g = torch.Generator().manual_seed(seed)
    arrays = 2 if kind == "lstm" else 1
    state = arrays * layers * hidden
    net = module(kind, hidden, layers)
    golden = {}
    with torch.no_grad():
        fill(net, g, 1.0)
        for key, p in net.named_parameters():
            golden["w_" + key] = p.clone()
        x = 2 * torch.rand(16, state, generator=g, dtype=torch.float64) - 1
        u = 2 * torch.rand(16, INPUTS, generator=g, dtype=torch.float64) - 1
        golden.update(x=x, u=u, y=step(net, x, u))
    golden["J"] = torch.autograd.functional.jacobian(lambda s: step(net, s[None], u[:1])[0], x[0])
    with torch.no_grad():
        fill(net, g, scale)
        save_safetensors(OUT / (name + ".safetensors"), {"rnn." + k: p for k, p in net.state_dict().items()})
        if long is not None:
            golden["long"] = trajectory(net, long, torch.zeros(1, state, dtype=torch.float64))[:, 0]
    np.savez(OUT / (name + "_golden.npz"), **{k: v.numpy() for k, v in golden.items()})


def precisions():
    """The same GRU stored in three narrower formats, with a decoder beside it, and three trials of 40 steps with each."""
    g = torch.Generator().manual_seed(7)
    net = module("gru", 4)
    golden = {}
    with torch.no_grad():
        u = 2 * torch.rand(3, 40, INPUTS, generator=g, dtype=torch.float64) - 1
        golden["trials"] = u
        for name, dtype in (("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16)):
            fill(net, g, 0.5)
            tensors = {"rnn." + k: p.to(dtype) for k, p in net.state_dict().items()}
            tensors["decoder.weight"] = torch.ones(1, 4, dtype=dtype)
            save_safetensors(OUT / ("gru_%s.safetensors" % name), tensors)
            for k, p in net.named_parameters():
                p.copy_(tensors["rnn." + k].to(torch.float64))
            golden[name] = trajectory(net, u.transpose(0, 1), torch.zeros(3, 4, dtype=torch.float64)).transpose(0, 1)
            if name == "f32": # the same as .npz, as torch.nn.GRUCell names them
                np.savez(OUT / "gru_cell.npz", **{"cell." + k[4:].replace("_l0", ""): v.numpy() for k, v in tensors.items() if k[:4] == "rnn."})
    np.save(OUT / "trials.npy", golden["trials"].numpy())
    np.savez(OUT / "precisions_golden.npz", **{k: v.numpy() for k, v in golden.items() if k != "trials"})


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    long = 2 * torch.rand(1000, 1, INPUTS, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    np.save(OUT / "long.npy", long[:, 0].numpy())
    case("rnn_tanh", "rnn_tanh", 4, 1, 1, 0.4, long)
    case("rnn_relu", "rnn_relu", 4, 1, 2, 0.25, long)
    case("gru", "gru", 4, 1, 3, 0.5, long)
    case("lstm", "lstm", 3, 1, 4, 0.5, long)
    case("gru2", "gru", 3, 2, 5, 0.5, long)
    case("lstm2", "lstm", 2, 2, 6, 0.5)
    precisions()


if __name__ == "__main__":
    main()
