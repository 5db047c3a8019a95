#!/usr/bin/env python3
"""Make chemical.csv and gap.csv from NeuronConnect.xls (needs: pip install cect xlrd; the table travels in the package cect).

Source: L. R. Varshney, B. L. Chen, E. Paniagua, D. H. Hall, D. B. Chklovskii, "Structural Properties of the Caenorhabditis elegans Neuronal
Network", PLoS Comput. Biol. 7(2), e1001066 (2011), doi 10.1371/journal.pcbi.1001066, CC BY 4.0. Signs: the 26 GABAergic neurons (S. L. McIntire,
E. Jorgensen, J. Kaplan, H. R. Horvitz, Nature 364, 337 (1993)) inhibit, all others excite."""
import csv
import importlib.util
import pathlib

import xlrd

GABA = {f"DD{i:02d}" for i in range(1, 7)} | {f"VD{i:02d}" for i in range(1, 14)} | {"RMED", "RMEL", "RMER", "RMEV", "RIS", "AVL", "DVB"}
package = pathlib.Path(importlib.util.find_spec("cect").origin).parent
sheet = xlrd.open_workbook(package / "data" / "NeuronConnect.xls").sheet_by_index(0)
chemical, gap, names = {}, {}, set()
for i in range(1, sheet.nrows):
    a, b, kind, count = sheet.row_values(i)[:4]
    if kind == "NMJ" or "NMJ" in (a, b):
        continue
    a, b = a.upper(), b.upper()  # two rows of the table have lower-case names
    names |= {a, b}
    if kind in ("S", "Sp"):  # a sends to b
        chemical[a, b] = chemical.get((a, b), 0) + int(count)
    elif kind == "EJ":  # listed from both sides
        gap[a, b] = gap.get((a, b), 0) + int(count)
names = sorted(names)
here = pathlib.Path(__file__).parent
missing = GABA - set(names)
assert not missing, missing
for file, table, sign in (("chemical.csv", chemical, True), ("gap.csv", gap, False)):
    with open(here / file, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["neuron", *names])
        for a in names:
            out.writerow([a, *(table.get((a, b), 0) * (-1 if sign and a in GABA else 1) for b in names)])
asym = sum(gap.get((a, b), 0) != gap.get((b, a), 0) for a in names for b in names)
print(len(names), "neurons", len(chemical), "chemical", sum(chemical.values()), "synapses;", len(gap) // 2, "gap pairs;", asym, "asymmetric gap entries")
