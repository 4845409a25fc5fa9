"""Nets that learn from rows read in blocks."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import dovetail as dv
from dovetail.data.batches import Batch, Batches
from dovetail.data.epochs import Blockwise, InMemory
from dovetail.deep import NetClassifier
from dovetail.errors import DataError
from tests.deep.data import IRIS, NAMES, assert_same_numbers

TABLE = pa.table({f"x{j}": IRIS[:, j] for j in range(4)})


@pytest.fixture
def scan(tmp_path):
    order = np.random.default_rng(0).permutation(150)
    table = pa.table({f"x{j}": IRIS[order, j] for j in range(4)} | {"y": NAMES[order]})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=40)
    return dv.scan_parquet(tmp_path / "rows.parquet", "y", block_rows=30)


def test_a_scan_is_learned_from(scan):
    model = NetClassifier(max_epochs=30, lr=0.02, batch_size=32, random_state=0).fit(scan)
    assert model.score(TABLE, NAMES) > 0.95
    again = NetClassifier(max_epochs=30, lr=0.02, batch_size=32, random_state=0).fit(scan)
    assert_same_numbers(model, again)


def test_a_scan_is_validated_on_other_rows(scan):
    with pytest.raises(DataError, match="validation_data"):
        NetClassifier(early_stopping=True).fit(scan)
    by_scan = NetClassifier(max_epochs=3, validation_data=scan, random_state=0).fit(scan)
    by_array = NetClassifier(max_epochs=3, validation_data=(TABLE, NAMES), random_state=0).fit(scan)
    found, expected = (m.history_["validation_score"] for m in (by_scan, by_array))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def rows_of(epochs, seed, done=0):
    return [batch.X[:, 0].tolist() for batch in epochs.batches(seed, done)]


@pytest.mark.parametrize("n", [1, 2, 33, 64, 65, 100])
@pytest.mark.parametrize("blocks", [False, True])
def test_an_epoch_has_every_row_once(n, blocks):
    rows = Batch(torch.arange(float(n))[:, None])
    batches = Batches(rows).in_blocks(11)
    epochs = Blockwise(batches, 32) if blocks else InMemory(rows, 32)
    for seed in (None, 5):
        found = rows_of(epochs, seed)
        assert sorted(x for batch in found for x in batch) == list(range(n))
        assert all(len(b) == 32 for b in found[:-1])
        assert n == 1 or len(found[-1]) > 1, "a batch of one row"
        for done in range(len(found)):
            assert rows_of(epochs, seed, done) == found[done:]
    assert rows_of(epochs, None) == [list(b) for b in rows_of(InMemory(rows, 32), None)]
    assert n <= 32 or rows_of(epochs, 5) != rows_of(epochs, 6)
