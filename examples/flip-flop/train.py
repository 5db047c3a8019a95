#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""How gru.safetensors and trials.npy were made: a GRU of 12 units learns the three-bit flip-flop (D. Sussillo, O. Barak, Neural Comput. 25, 626
(2013)): each channel receives rare pulses +1 and -1, each output holds the sign of its channel's last pulse. Noise in the input while training makes
the memories robust. Needs torch and safetensors; three minutes. Usage: train.py"""
import numpy as np
import safetensors.torch
import torch

BITS, UNITS, STEPS, TRAINING = 3, 12, 60, 1500


def trials(count, generator):
    """Pulses (trial, time, channel) and the memory they leave; every channel begins with a pulse."""
    pulse = (torch.rand(count, STEPS, BITS, generator=generator) < 0.08).float()
    pulse[:, 0] = 1
    pulse *= torch.where(torch.rand(count, STEPS, BITS, generator=generator) < 0.5, -1.0, 1.0)
    memory = torch.empty_like(pulse)
    last = torch.zeros(count, BITS)
    for t in range(STEPS):
        last = torch.where(pulse[:, t] != 0, pulse[:, t], last)
        memory[:, t] = last
    return pulse, memory


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.GRU(BITS, UNITS, batch_first=True)
        self.readout = torch.nn.Linear(UNITS, BITS)

    def forward(self, u):
        return self.readout(self.rnn(u)[0])


def main():
    torch.manual_seed(3)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(4)
    net = Network()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=1e-3)
    for step in range(TRAINING):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * 0.5 * (1 + np.cos(np.pi * step / TRAINING))
        u, want = trials(64, generator)
        loss = ((net(u + 0.05 * torch.randn(u.shape, generator=generator)) - want) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        if step % 100 == 99:
            print(step + 1, "%.4f" % loss.item(), flush=True)
    u, want = trials(8, generator)
    with torch.no_grad():
        error = (net(u) - want).abs().max().item()
    print("loss %.2g, largest error of the trials %.3f" % (loss.item(), error))
    safetensors.torch.save_file({k: v.contiguous() for k, v in net.state_dict().items()}, "gru.safetensors")
    np.save("trials.npy", u.numpy())


if __name__ == "__main__":
    main()
