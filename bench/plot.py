#!/usr/bin/env python3
"""Draws the CSV files of a benchmark run as SVG: plot.py FOLDER [--without-gnuplot]

gnuplot draws them where it is installed; otherwise this script does, plainer. The last line says who did.
"""

import csv
import glob
import html
import math
import os
import shutil
import subprocess
import sys

WIDTH, HEIGHT = 760, 480
LEFT, RIGHT, TOP, BOTTOM = 80, 210, 40, 60
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")


class Chart:
    """Points in named series over two axes, each linear or logarithmic."""

    def __init__(self, title, x_label, y_label, log_x=False, log_y=False):
        self.title, self.labels, self.logs = title, (x_label, y_label), (log_x, log_y)
        self.series = {}  # name -> [(x, y)]

    def add(self, name, x, y):
        """Cells of a CSV file; one that is no number is left out."""
        try:
            point = float(x), float(y)
        except ValueError:
            return
        if all(number > 0 or not log for number, log in zip(point, self.logs)):
            self.series.setdefault(name, []).append(point)

    def range(self, axis):
        numbers = [point[axis] for points in self.series.values() for point in points]
        low, high = min(numbers), max(numbers)
        if low == high:
            low, high = low * 0.9, high * 1.1 + 1e-9
        return low, high


def charts_of(folder):
    """(file name without ending, Chart) of every CSV file that is known."""
    for path in sorted(glob.glob(os.path.join(folder, "*.csv"))):
        name = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        chart = chart_of(name, rows)
        if chart and chart.series:
            yield name, chart


def chart_of(name, rows):
    if name == "machine":
        chart = Chart("Reading, one core", "KiB", "GB/s", log_x=True)
        for row in rows:
            chart.add(row["pages"], row["kib"], row["read_gb_per_s"])
    elif name == "flat":
        chart = Chart("Exact search, k = 10", "vectors", "us a query", log_x=True, log_y=True)
        for row in rows:
            chart.add(row["index"], row["n"], row["cpu_us"])
    elif name.startswith("graph_") and name.endswith("_curves"):
        chart = Chart(f"Graph search of {name.split('_')[1]}, one thread", "recall@10", "queries a second", log_y=True)
        for row in rows:
            if float(row["recall"]) >= 0.8:
                chart.add(row["index"], row["recall"], row["qps"])
    elif name == "quantization":
        chart = Chart("Quantization and rerank, walking a graph", "bytes a vector", "recall@10", log_x=True)
        for row in rows:
            chart.add(f"{row['quantization']} {row['rerank']}", row["graph_bytes"], row["graph_recall"])
    elif name == "filter":
        chart = Chart("Searches under a filter", "passing, percent", "us a query", log_x=True, log_y=True)
        for row in rows:
            chart.add("ours", row["passing_percent"], row["ours_us"])
            chart.add("scan of what passes", row["passing_percent"], row["scan_us"])
    elif name == "mixed":
        chart = Chart("Searching while all is replaced", "writers", "us a search", log_y=True)
        for row in rows:
            chart.add("median", row["writers"], row["p50_us"])
            chart.add("99 of 100", row["writers"], row["p99_us"])
    else:
        chart = None
    return chart


def draw_with_gnuplot(chart, path):
    quoted = [text.replace("'", "") for text in (chart.title, *chart.labels)]
    lines = [f"set terminal svg size {WIDTH},{HEIGHT} font 'sans,12' background '#ffffff'", f"set output '{path}'",
             f"set title '{quoted[0]}' noenhanced", f"set xlabel '{quoted[1]}' noenhanced",
             f"set ylabel '{quoted[2]}' noenhanced", "set grid", "set key outside right top noenhanced"]
    lines += [f"set logscale {axis}" for axis, log in zip("xy", chart.logs) if log]
    lines += [f"set {axis}range [*:*]" for axis in "xy"]
    names = list(chart.series)
    lines.append("plot " + ", ".join(
        f"'-' using 1:2 with linespoints linewidth 2 linecolor rgb '{COLOURS[i % len(COLOURS)]}' pointtype {5 + i}"
        f" title '{name}'" for i, name in enumerate(names)))
    for name in names:
        lines += [f"{x} {y}" for x, y in chart.series[name]] + ["e"]
    subprocess.run(["gnuplot"], input="\n".join(lines) + "\n", text=True, check=True)


def ticks(low, high, log):
    if log:
        tens = [10.0 ** power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
        finer = [ten * part for ten in tens for part in ((1, 2, 5) if high / low < 1000 else (1,))]
        return [tick for tick in finer if low * 0.999 <= tick <= high * 1.001]
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(part for part in (1, 2, 5, 10) if (high - low) / (step * part) <= 7)
    first = math.ceil(low / step - 1e-9)
    return [step * i for i in range(first, int(high / step + 1e-9) + 1)]


def draw_alone(chart, path):
    ranges = [chart.range(axis) for axis in (0, 1)]
    spans = [(LEFT, WIDTH - RIGHT), (HEIGHT - BOTTOM, TOP)]

    def place(axis, number):
        low, high = ranges[axis]
        way = (math.log(number / low) / math.log(high / low)) if chart.logs[axis] else (number - low) / (high - low)
        return spans[axis][0] + way * (spans[axis][1] - spans[axis][0])

    def text(x, y, words, anchor="middle", turn=""):
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turn}>{html.escape(words)}</text>'

    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif"'
             ' font-size="12"><rect width="100%" height="100%" fill="#ffffff"/>',
             text(WIDTH / 2, 24, chart.title), text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, chart.labels[0]),
             text(20, middle, chart.labels[1], turn=f' transform="rotate(-90 20 {middle})"')]
    for axis in (0, 1):
        for tick in ticks(*ranges[axis], chart.logs[axis]):
            at = place(axis, tick)
            x1, x2, y1, y2 = (at, at, *spans[1]) if axis == 0 else (*spans[0], at, at)
            parts.append(f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>')
            parts.append(text(at, HEIGHT - BOTTOM + 18, f"{tick:.6g}") if axis == 0
                         else text(LEFT - 6, at + 4, f"{tick:.6g}", "end"))
    for i, (name, points) in enumerate(chart.series.items()):
        colour = COLOURS[i % len(COLOURS)]
        places = [(place(0, x), place(1, y)) for x, y in points]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
        key = TOP + 10 + 18 * i
        parts.append(f'<circle cx="{WIDTH - RIGHT + 20}" cy="{key}" r="4" fill="{colour}"/>')
        parts.append(text(WIDTH - RIGHT + 32, key + 4, name, "start"))
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n</svg>\n")


def main(arguments):
    folders = [one for one in arguments if one != "--without-gnuplot"]
    if len(folders) != 1 or not os.path.isdir(folders[0]):
        print(__doc__, file=sys.stderr)
        return 64
    with_gnuplot = shutil.which("gnuplot") is not None and "--without-gnuplot" not in arguments
    count = 0
    for name, chart in charts_of(folders[0]):
        (draw_with_gnuplot if with_gnuplot else draw_alone)(chart, os.path.join(folders[0], name + ".svg"))
        count += 1
    who = "gnuplot" if with_gnuplot else "bench/plot.py itself (gnuplot-nox draws them better)"
    print(f"{count} plots in {folders[0]}, drawn by {who}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
