# SPDX-License-Identifier: MIT
"""figures: how a figure and its ratio to the native one are written, for bench/report, bench/net
and tools/results."""


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cost(unit, value, native):
    """Returns how many times the native cost: value / native of a time, native / value of a rate
    (MB/s)."""
    return native / value if unit == "MB/s" else value / native


def cpu():
    """Returns the name of the host's CPU."""
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return "unknown"


def write_tsv(path, comments, rows):
    """Writes a file of docs/results: comment lines, a row of names, rows of figures. An empty cell
    is '-'."""
    with open(path, "w") as f:
        f.writelines(f"# {c}\n" for c in comments)
        f.writelines("\t".join(c or "-" for c in row) + "\n" for row in rows)
