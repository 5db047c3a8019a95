#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Array files for the tests of the readers, written by NumPy, SciPy and the reference implementation of safetensors.

Usage: python3 tools/make_array_fixtures.py [FOLDER]     (default tests/data/arrays; needs numpy, scipy, safetensors >= 0.8)

The number with flat (row-major) index i of an array of type kind k is
    float, signed: (5 i mod 23) - 11, plus 0.5 for floats;    unsigned: 5 i mod 23;    boolean: i mod 3 == 0.
"""
import gzip
import io
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import scipy.io
import scipy.sparse

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "tests/data/arrays")


def pattern(kind, shape):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    v = {"f": 5 * i % 23 - 10.5, "i": 5 * i % 23 - 11, "u": 5 * i % 23, "b": i % 3 == 0}[kind]
    return v.reshape(shape)


def npy_bytes(a, version=None):
    f = io.BytesIO()
    np.lib.format.write_array(f, a, version=version, allow_pickle=True)
    return f.getvalue()


def write(name, data):
    (OUT / name).write_bytes(data)


class Pipe(io.RawIOBase):
    """Cannot seek, so zipfile writes data descriptors."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, b):
        self.data += bytes(b)
        return len(b)


def zip64(data):
    """The same archive with a zip64 end record and locator."""
    end = data[-22:]
    _, _, _, here, n, size, at, _ = struct.unpack("<4s4H2IH", end)
    wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, here, n, size, at)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(data) - 22, 1)
    return data[:-22] + wide + locator + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    shape = (2, 3, 4)
    types = {}
    for t in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"):
        for end in "<>" if t[1] != "1" else "|":
            a = pattern(t[0], shape).astype(np.dtype(end + t))
            tag = t + ("_be" if end == ">" else "")
            types[tag] = a
            types[tag + "_fortran"] = np.asfortranarray(a)
    np.savez(OUT / "types.npz", **types)
    np.savez_compressed(OUT / "types_deflated.npz", **types)

    write("matrix.npy", npy_bytes(pattern("f", (3, 4)).astype("<f8")))
    write("matrix_fortran.npy", npy_bytes(np.asfortranarray(pattern("f", (3, 4)).astype("<f8"))))
    write("vector_v2.npy", npy_bytes(pattern("i", (5,)).astype(">i4"), (2, 0)))
    write("vector_v3.npy", npy_bytes(pattern("i", (5,)).astype("<i2"), (3, 0)))
    write("scalar.npy", npy_bytes(np.array(2.5)))
    write("empty.npy", npy_bytes(np.zeros((0, 3))))
    write("half.npy", npy_bytes(np.array([0.0, -0.0, 1, 65504, 2.0**-24, 2.0**-14, -1 / 3], dtype="<f2")))
    write("objects.npy", npy_bytes(np.array([1, "a"], dtype=object)))
    write("complex.npy", npy_bytes(np.array([1 + 2j])))
    write("text.npy", npy_bytes(np.array(["a", "bc"])))
    write("structured.npy", npy_bytes(np.zeros(2, dtype=[("x", "f8"), ("y", "i4")])))
    write("dates.npy", npy_bytes(np.array(["2020-01-01"], dtype="M8[D]")))

    one = io.BytesIO()
    np.savez(one, W=pattern("f", (3, 4)))
    write("one.npz", one.getvalue())
    write("one_zip64.npz", zip64(one.getvalue()))
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as z:
        z.writestr(zipfile.ZipInfo("W.npy"), npy_bytes(pattern("f", (3, 4))), zipfile.ZIP_DEFLATED)
    write("one_streamed.npz", pipe.data)
    np.savez_compressed(OUT / "bomb.npz", W=np.zeros(262144))

    np.savetxt(OUT / "savetxt.txt", pattern("f", (3, 4)), header="x y")
    text = io.StringIO()
    np.savetxt(text, pattern("f", (3, 4)), delimiter=",")
    write("savetxt.csv.gz", gzip.compress(text.getvalue().encode(), mtime=0))

    rng = np.random.default_rng(1)
    dense = pattern("f", (4, 4))
    square = np.tril(dense) + np.tril(dense, -1).T
    skew = np.tril(dense, -1) - np.tril(dense, -1).T
    mask = rng.random((4, 4)) < 0.4
    scipy.io.mmwrite(OUT / "general.mtx", scipy.sparse.coo_matrix(dense * mask), symmetry="general", comment="made by SciPy")
    scipy.io.mmwrite(OUT / "symmetric.mtx", scipy.sparse.coo_matrix(square), symmetry="symmetric")
    scipy.io.mmwrite(OUT / "skew.mtx", scipy.sparse.coo_matrix(skew), symmetry="skew-symmetric")
    scipy.io.mmwrite(OUT / "integer.mtx", scipy.sparse.coo_matrix(pattern("i", (4, 3))), field="integer")
    scipy.io.mmwrite(OUT / "pattern.mtx", scipy.sparse.coo_matrix(np.eye(3)), field="pattern", symmetry="general")
    scipy.io.mmwrite(OUT / "array.mtx", pattern("f", (3, 4)), symmetry="general")
    scipy.io.mmwrite(OUT / "array_symmetric.mtx", square, symmetry="symmetric")
    scipy.io.mmwrite(OUT / "array_skew.mtx", skew, symmetry="skew-symmetric")

    kinds = {"F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U64": "u8", "U32": "u4",
             "U16": "u2", "U8": "u1", "BOOL": "b1"}
    tensors = {n: np.ascontiguousarray(pattern(t[0], shape).astype(np.dtype(t))) for n, t in kinds.items()}
    tensors["none"] = np.zeros((0, 2), dtype="<f4")
    write("types.safetensors", safetensors.numpy.save(tensors, {"made by": "safetensors"}))
    write("one.safetensors", safetensors.numpy.save({"rnn.weight": np.ascontiguousarray(pattern("f", (3, 4)).astype("f4"))}))
    # bfloat16 is the upper half of float32; these values are exact in it
    bf16 = (pattern("f", (3, 4)).astype("<f4").view("<u4") >> 16).astype("<u2")
    spec = safetensors.TensorSpec(dtype="bfloat16", shape=[3, 4], data_ptr=bf16.ctypes.data, data_len=bf16.nbytes)
    write("bf16.safetensors", bytes(safetensors.serialize({"x": spec})))


main()
