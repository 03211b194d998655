"""Loaders of the public formats that the verification runs read: idx, tables, gene expression.

The folder comes from the environment variable SDEKIT_DATA; nothing is downloaded and nothing is
part of the repository. Not for users: read data with your own tools.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdekit.errors import DataError

#: Element types of the idx format, by its third byte.
IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def folder(*parts: str) -> Path | None:
    """A path below SDEKIT_DATA, or None (with one line on the terminal) where it is missing."""
    root = os.environ.get("SDEKIT_DATA")
    if not root:
        print("SDEKIT_DATA is not set: runs on real data are skipped")
        return None
    path = Path(root).joinpath(*parts)
    if not path.exists():
        print(f"no {'/'.join(parts)} below SDEKIT_DATA: this run is skipped")
        return None
    return path


def read_idx(path: Path) -> np.ndarray:
    """An idx file, gzipped or not, as an array of its own shape and type.

    Raises:
        DataError: If the magic number, the type or the length is wrong.
    """
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    if len(raw) < 4 or raw[:2] != b"\x00\x00" or raw[2] not in IDX_TYPES:
        raise DataError(f"{path.name} is not an idx file", found=raw[:4])
    rank = raw[3]
    shape = tuple(np.frombuffer(raw, ">u4", rank, 4).tolist())
    element = np.dtype(IDX_TYPES[raw[2]])
    expected = 4 + 4 * rank + element.itemsize * int(np.prod(shape))
    if len(raw) != expected:
        raise DataError(f"{path.name} has the wrong length", expected=expected, found=len(raw))
    values = np.frombuffer(raw, element, offset=4 + 4 * rank)
    return values.reshape(shape).astype(element.newbyteorder("="))


@dataclass(frozen=True, eq=False)
class Table:
    """A table of numbers.

    Args:
        name: Its name.
        columns: Names of the columns.
        values: Shape (rows, columns); missing cells are NaN.
    """

    name: str
    columns: tuple[str, ...]
    values: np.ndarray

    def regression(self, target: str) -> tuple[np.ndarray, np.ndarray]:
        """Standardized features and centred, scaled target; rows with missing cells dropped."""
        whole = self.values[~np.isnan(self.values).any(axis=1)]
        index = self.columns.index(target)
        features, response = np.delete(whole, index, axis=1), whole[:, index]
        features = features[:, features.std(axis=0) > 0]
        scaled = (features - features.mean(axis=0)) / features.std(axis=0)
        return scaled, (response - response.mean()) / response.std()

    def classification(self, target: str = "target") -> tuple[np.ndarray, np.ndarray]:
        """Features as they are, and labels 0, 1, ... of the target column."""
        index = self.columns.index(target)
        labels = np.unique(self.values[:, index], return_inverse=True)[1]
        return np.delete(self.values, index, axis=1), labels


def read_table(path: Path) -> Table:
    """A gzipped CSV file with a header; empty cells and words become NaN.

    Raises:
        DataError: If the rows have different lengths.
    """
    with gzip.open(path, "rt", newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    header, body = rows[0], [row for row in rows[1:] if row]
    if any(len(row) != len(header) for row in body):
        raise DataError(f"the rows of {path.name} have different lengths", expected=len(header))
    values = np.array([[_number(cell) for cell in row] for row in body])
    return Table(path.name.removesuffix(".csv.gz"), tuple(header), values)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def read_inventory(path: Path) -> dict[str, dict]:
    """INVENTORY.json of the tables, by name."""
    return {entry["name"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))}


def read_genes(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A gene-expression file (npz): expression (samples, genes) as float32, and class labels."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    expression = next(a for a in arrays.values() if a.ndim == 2)
    labels = next((a for a in arrays.values() if a.ndim == 1 and len(a) == len(expression)), None)
    if labels is None:
        raise DataError(f"{path.name} has no labels", found=sorted(arrays))
    return expression.astype(np.float32), labels
