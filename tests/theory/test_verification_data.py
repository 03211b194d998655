"""The loaders of the verification runs, on small files made here."""

import gzip
import json
import struct

import numpy as np
import pytest

from sdekit.errors import DataError
from verification import _data


def idx_bytes(array, code):
    header = struct.pack(">BBBB", 0, 0, code, array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_keep_shape_and_type(tmp_path, packed):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "images"
    raw = idx_bytes(images, 8)
    path.write_bytes(gzip.compress(raw) if packed else raw)
    assert (_data.read_idx(path) == images).all()
    floats = np.array([1.5, -2.0], dtype=">f4")
    path.write_bytes(idx_bytes(floats, 13))
    assert _data.read_idx(path).tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("raw", "message"),
    [(b"PK\x03\x04", "not an idx file"), (b"", "not an idx file"),
     (idx_bytes(np.zeros(3, np.uint8), 8)[:-1], "wrong length: expected 11, found 10")],
)  # fmt: skip
def test_broken_idx_files_are_refused(tmp_path, raw, message):
    path = tmp_path / "broken"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=message):
        _data.read_idx(path)


def write_table(tmp_path, text):
    path = tmp_path / "toy.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.write(text)
    return path


def test_tables_become_standardized_regressions_and_labels(tmp_path):
    text = "a,b,same,target\n1,2,5,0\n3,,5,1\n5,1,5,3\n7,0,5,3\n"
    table = _data.read_table(write_table(tmp_path, text))
    assert table.name == "toy" and table.columns == ("a", "b", "same", "target")
    assert np.isnan(table.values[1, 1])
    design, y = table.regression("target")
    assert design.shape == (3, 2)
    assert np.abs(design.mean(0)).max() < 1e-15 and design.std(0) == pytest.approx(1)
    assert y.std() == pytest.approx(1)
    features, labels = table.classification()
    assert features.shape == (4, 3) and labels.tolist() == [0, 1, 2, 2]
    with pytest.raises(DataError, match="different lengths"):
        _data.read_table(write_table(tmp_path, "a,b\n1\n"))


def test_genes_and_inventory_are_read(tmp_path):
    np.savez(tmp_path / "toy.npz", x=np.ones((3, 4)), y=np.array([0, 1, 1]))
    expression, labels = _data.read_genes(tmp_path / "toy.npz")
    assert expression.dtype == np.float32 and labels.tolist() == [0, 1, 1]
    np.savez(tmp_path / "bad.npz", x=np.ones((3, 4)))
    with pytest.raises(DataError, match="has no labels"):
        _data.read_genes(tmp_path / "bad.npz")
    (tmp_path / "INVENTORY.json").write_text(json.dumps([{"name": "toy", "rows": 3}]))
    assert _data.read_inventory(tmp_path / "INVENTORY.json")["toy"]["rows"] == 3


def test_a_missing_folder_is_said_and_skipped(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("SDEKIT_DATA", raising=False)
    assert _data.folder("mnist") is None
    assert "SDEKIT_DATA is not set" in capsys.readouterr().out
    monkeypatch.setenv("SDEKIT_DATA", str(tmp_path))
    assert _data.folder("mnist") is None
    assert "no mnist below SDEKIT_DATA" in capsys.readouterr().out
    (tmp_path / "mnist").mkdir()
    assert _data.folder("mnist") == tmp_path / "mnist"
