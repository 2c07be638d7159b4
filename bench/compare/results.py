# SPDX-License-Identifier: MIT
"""What was measured: samples by peer and row. A row is a workload and its size, such as ('dom.longest', 10000)."""
import csv
import os
import statistics


class Results:
    def __init__(self):
        self.rows = []     # in the order in which they came
        self.units = {}    # row: unit
        self.origin = {}   # row: (workload, arguments) of the process that printed it
        self.samples = {}  # (peer, row): values
        self.failed = {}   # (peer, workload, arguments): why

    def add(self, peer, origin, row, value, unit):
        if row not in self.units:
            self.rows.append(row)
        self.units[row], self.origin[row] = unit, origin
        self.samples.setdefault((peer, row), []).append(value)

    def median(self, peer, row):
        values = self.samples.get((peer, row))
        return statistics.median(values) if values else None

    def percent(self, peer, row):
        """Half the distance between the smallest and the largest sample, in percent of the median."""
        values, median = self.samples[peer, row], self.median(peer, row)
        return 50 * (max(values) - min(values)) / median if median else 0

    def why_not(self, peer, row):
        return self.failed.get((peer, *self.origin[row]), '')

    def write(self, folder):
        with open(os.path.join(folder, 'results.csv'), 'w', newline='', encoding='ascii') as f:
            out = csv.writer(f)
            out.writerow(['workload', 'param', 'unit', 'peer', 'median', 'min', 'max', 'runs'])
            for (peer, row), values in self.samples.items():
                out.writerow([*row, self.units[row], peer, statistics.median(values), min(values), max(values),
                              len(values)])
        with open(os.path.join(folder, 'samples.csv'), 'w', newline='', encoding='ascii') as f:
            out = csv.writer(f)
            out.writerow(['workload', 'param', 'unit', 'peer', 'value'])
            for (peer, row), values in self.samples.items():
                out.writerows([*row, self.units[row], peer, value] for value in values)
