"""Tabular and text nets that several processes train are those that one trains: categories, breaks,
vocabularies and starts follow from the rows of all.
"""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dovetail as dv
from dovetail.data.batches import Batch
from dovetail.data.ragged import Ragged, Sequences
from dovetail.deep import TextClassifier
from dovetail.deep._by_length import LikeLengths
from dovetail.nn.bert import Bert
from tests.deep import encoders
from tests.distributed import ready_jobs
from tests.distributed.test_distributed import succeed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ready")
    words = ["a", "rather", "indeed", *ready_jobs.WORDS, *ready_jobs.THINGS]
    torch.manual_seed(0)
    net = Bert(len(words) + 4, 12, 2, 3, 20, 9)
    encoders.write(folder / "encoder", encoders.sizes(words), words, net.state_dict())
    return folder


def read(path):
    with np.load(path) as learned:
        return dict(learned)


def test_three_processes_train_the_nets_that_one_trains(folder):
    with dv.config(verbosity=0):
        ready_jobs.fits(folder)
    one = read(folder / "learned-0.npz")
    succeed("fits", folder, 3, script="ready_jobs.py")
    first, *others = (read(folder / f"learned-{rank}.npz") for rank in range(3))
    for name, expected in one.items():
        for other in others:
            assert_array_equal(first[name], other[name], err_msg=name)
        assert_allclose(first[name], expected, rtol=1e-5, atol=1e-6, err_msg=name)
    assert "All texts are empty" in str(first["said"])


@pytest.mark.parametrize("seed", [None, 3])
def test_parts_of_batches_of_like_length(seed):
    lengths = np.random.default_rng(0).integers(1, 30, 23)
    texts = Ragged({"ids": Sequences.of([np.ones(n, np.int64) for n in lengths])})
    rows, of_all = Batch(texts, torch.arange(23)), torch.as_tensor(lengths)
    ends = [0, 5, 5, 23]
    parts = [LikeLengths(rows.rows(ends[r], ends[r + 1]), 4, of_all, ends[r]) for r in range(3)]
    for done in (0, 3):
        whole = list(LikeLengths(rows, 4).batches(seed, done))
        found = [list(part.batches(seed, done)) for part in parts]
        assert len(whole) == parts[0].steps - done
        for i, batch in enumerate(whole):
            mine = torch.cat([each[i].y for each in found])
            assert sorted(mine.tolist()) == sorted(batch.y.tolist())
            assert all(part.rows(done + i) == len(batch) for part in parts)


def test_workers_are_started_for_one_fit():
    model = TextClassifier(**ready_jobs.TEXT, **ready_jobs.EXACT)
    texts, kinds = ready_jobs.TEXTS, ready_jobs.KINDS
    expected = model.fit(texts, kinds).predict_proba(texts)
    with dv.config(devices=2, verbosity=0):
        found = model.fit(texts, kinds).predict_proba(texts)
    assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
