"""The table of a sweep as CSV or Parquet, and its picture."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hil.errors import BadInput
from hil.files import whole
from hil.sweep.plan import Axis, Job
from hil.sweep.work import COLUMNS, Row

FORMATS = ("csv", "parquet")


def columns(axes: Sequence[Axis]) -> list[str]:
    """The names of the columns."""
    return [*(axis.key for axis in axes), "seed", *COLUMNS]


def rows(jobs: Sequence[Job], known: dict[str, Row]) -> list[list[Any]]:
    """A row for each job, in their order, whoever finished first."""
    return [[*job.values, job.seed, *(known[job.digest].get(name) for name in COLUMNS)] for job in jobs if job.digest in known]


def write_table(path: Path, names: Sequence[str], table: Sequence[Sequence[Any]]) -> None:
    """Write *table* in the format of the suffix of *path*; the same table gives the same bytes."""
    with whole(path) as part:
        if path.suffix == ".parquet":
            _parquet(part, names, table)
        else:
            with part.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(names)
                writer.writerows(table)


def check_format(name: str) -> None:
    """Complain now, not after the last run, if tables cannot be written as *name*."""
    if name not in FORMATS:
        raise BadInput(f"--format {name!r}: one of {', '.join(FORMATS)}")
    if name == "parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise BadInput("--format parquet: needs pyarrow: pip install 'pilebench[parquet]'") from None


def _parquet(path: Path, names: Sequence[str], table: Sequence[Sequence[Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    by_column = list(zip(*table, strict=True)) or [()] * len(names)
    pyarrow.parquet.write_table(pyarrow.table(dict(zip(names, map(list, by_column), strict=True))), path)


def draw(path: Path, axes: Sequence[Axis], jobs: Sequence[Job], known: dict[str, Row], metric: str) -> None:
    """The mean of *metric* over the seeds: along one axis as a line, over two as a heat map, over more along the first two."""
    from hil.report.chart import new_figure

    first, second = axes[0], axes[1] if len(axes) > 1 else None
    grid = _means(first, second, jobs, known, metric)
    figure = new_figure(1.6 + 0.9 * max(len(first.values), 5), 2.2 + 0.5 * (len(second.values) if second else 4))
    ax = figure.add_subplot()
    if second is None:
        ax.plot(range(len(first.values)), grid[0], marker="o", color="#1f4e8c")
        ax.set_ylabel(metric)
        ax.grid(True, color="#00000018")
    else:
        image = ax.imshow(grid, aspect="auto", origin="lower", cmap="viridis")
        figure.colorbar(image, ax=ax, label=metric)
        ax.set_yticks(range(len(second.values)), second.values)
        ax.set_ylabel(second.key)
        for y, x in np.argwhere(np.isfinite(grid)):
            ax.text(x, y, f"{grid[y, x]:.4g}", ha="center", va="center", fontsize=7, color="white")
    ax.set_xticks(range(len(first.values)), first.values)
    ax.set_xlabel(first.key)
    with whole(path) as part:
        figure.savefig(part, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def _means(first: Axis, second: Axis | None, jobs: Sequence[Job], known: dict[str, Row], metric: str) -> np.ndarray[Any, Any]:
    sums = np.zeros((len(second.values) if second else 1, len(first.values)))
    counts = np.zeros_like(sums)
    for job in jobs:
        value = known.get(job.digest, {}).get(metric)
        if isinstance(value, int | float):
            place = second.values.index(job.values[1]) if second else 0, first.values.index(job.values[0])
            sums[place] += value
            counts[place] += 1
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
