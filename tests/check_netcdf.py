# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""The result file as other programs see it: ncdump, h5dump, h5py, xarray, as far as they are installed.

usage: check_netcdf.py TEST_HDF5     (the test program, which writes the file). Exit code 77: none of the readers is there."""
import math
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

UNITS, TIMES, REPLICAS = 3, 12000, 2
NAMES = ["AVAL", "", "Z\u00e9"]


def state(r, t, u):
    """Content of traj/x, as test_hdf5.c fills it."""
    return r + math.sin(0.001 * t) * (u + 1) + (t % 7) * 1e-13


def check_ncdump(path):
    header = subprocess.run(["ncdump", "-h", path], check=True, capture_output=True, encoding="utf-8").stdout
    for line in ["\tunit = 3 ;", "\tcomplex = 2 ;", "\talone = 5 ;", "\twarning_index = 2 ;", "\tstring unit(unit) ;",
                 "  \tdouble x(replica, time, unit) ;", "  \tdouble time(time) ;", "  \tdouble rate ;",
                 "  \tdouble point(attractor, unit) ;", "  \tdouble lambda(unit, complex) ;", "  \tint64 n(unit) ;",
                 "  \tubyte flag(unit) ;", "  \tfloat f(unit) ;", "  \t\tx:_FillValue = NaN ;", "group: nothing-in-it {"]:
        assert line in header.splitlines(), (line, header)
    # the order of the dimensions and groups is ours
    for names in (["unit = 3", "complex = 2", "alone = 5"], ["group: traj", "group: eig", "group: nothing-in-it"]):
        places = [header.index(n) for n in names]
        assert places == sorted(places)
    data = subprocess.run(["ncdump", "-v", "unit,verdict_z", path], check=True, capture_output=True, encoding="utf-8").stdout
    assert 'unit = "AVAL", _, "Z\u00e9" ;' in data, data  # _: netCDF's default fill value of a text is ""
    assert "verdict_z = -2.5, NaN ;" in data or "verdict_z = -2.5, _ ;" in data, data


def check_h5dump(path):
    text = subprocess.run(["h5dump", "-p", "-H", path], check=True, capture_output=True, encoding="utf-8").stdout
    for word in ("SHUFFLE", "COMPRESSION DEFLATE { LEVEL 1 }", "FLETCHER32", "COMPACT"):
        assert word in text, word


def check_h5py(path):
    import h5py

    with h5py.File(path, "r") as f:
        assert f.attrs["Conventions"] == "CF-1.10" and f.attrs["seed"] == 0.1 and len(f.attrs["experiment"]) == 200000
        x = f["traj/x"]
        assert x.shape == (REPLICAS, TIMES, UNITS) and x.attrs["units"] == "mV" and x.attrs["method"] == "euler"
        assert [d[0].name for d in x.dims] == ["/traj/replica", "/traj/time", "/unit"]
        assert x.compression == "gzip" and x.shuffle and x.fletcher32
        assert abs(x[1, 4321, 2] - state(1, 4321, 2)) < 1e-14
        assert list(f["unit"].asstr()[:]) == NAMES
        assert list(f["traj/n"][:]) == [2**53 + 1, 2**63 - 1, -(2**63)]
        assert h5py.h5ds.is_scale(f["traj/time"].id)


def check_xarray(path, engine):
    import xarray

    warnings.simplefilter("error")
    root = xarray.open_dataset(path, engine=engine)
    assert list(root["unit"].values) == NAMES and root.attrs["seed"] == 0.1
    assert list(root["warning"].values) == ["careful: 5", "and \u2202"]
    assert root["verdict_z"].values[0] == -2.5
    traj = xarray.open_dataset(path, group="traj", engine=engine)
    assert dict(traj.sizes) == {"replica": REPLICAS, "time": TIMES, "unit": UNITS, "attractor": 0}
    assert traj["x"].dims == ("replica", "time", "unit") and traj["x"].attrs["units"] == "mV"
    assert traj["time"].dtype.kind == "f" and traj["time"].values[3] == 0.1 * 3
    assert abs(float(traj["x"].sel(time=0.1 * 5000)[0, 1]) - state(0, 5000, 1)) < 1e-14
    assert traj["n"].dtype.kind == "i" and int(traj["n"][1]) == 2**63 - 1
    eig = xarray.open_dataset(path, group="eig", engine=engine)
    assert eig["lambda"].dims == ("unit", "complex") and eig["flag"].values.tolist() == [1, 0, 255]


def main():
    done = []
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "result.h5")
        subprocess.run([sys.argv[1], path], check=True)
        for program, check in (("ncdump", check_ncdump), ("h5dump", check_h5dump)):
            if shutil.which(program):
                check(path)
                done.append(program)
        for module, check in (("h5py", lambda p: check_h5py(p)), ("h5netcdf", lambda p: check_xarray(p, "h5netcdf")),
                              ("netCDF4", lambda p: check_xarray(p, "netcdf4"))):
            try:
                __import__(module)
                if module != "h5py":
                    __import__("xarray")
            except ImportError:
                continue
            check(path)
            done.append(module)
    print("checked with:", ", ".join(done) or "nothing")
    return 0 if done else 77


if __name__ == "__main__":
    sys.exit(main())
