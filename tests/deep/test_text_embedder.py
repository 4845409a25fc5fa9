"""A pretrained encoder gives what its formulas give, from files in the published layout."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import dovetail as dv
from dovetail.deep import TextEmbedder
from dovetail.errors import DataError
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline
from tests.deep import encoders

WORDS = ["a", "cat", "dog", "sat", "##s", "on", "the", "mat"]
SIZES = encoders.sizes(WORDS)
TEXTS = ["a cat", "the dog sat on the mat", "", "dogs"]


def tensors():
    """Random numbers under the names that published files have."""
    g = torch.Generator().manual_seed(0)
    c, u = SIZES["hidden_size"], SIZES["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (SIZES["vocab_size"], c),
        "embeddings.position_embeddings.weight": (9, c),
        "embeddings.token_type_embeddings.weight": (2, c),
        "pooler.dense.weight": (c, c),  # not part of the encoder
    }
    norms = ["embeddings.LayerNorm"]
    for i in range(SIZES["num_hidden_layers"]):
        layer = f"encoder.layer.{i}"
        for name, shape in {
            "attention.self.query": (c, c),
            "attention.self.key": (c, c),
            "attention.self.value": (c, c),
            "attention.output.dense": (c, c),
            "intermediate.dense": (u, c),
            "output.dense": (c, u),
        }.items():
            shapes[f"{layer}.{name}.weight"] = shape
            shapes[f"{layer}.{name}.bias"] = shape[:1]
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name in norms:
        shapes |= {f"{name}.weight": (c,), f"{name}.bias": (c,)}
    return {name: torch.randn(shape, generator=g) for name, shape in shapes.items()}


@pytest.fixture
def folder(tmp_path):
    return encoders.write(tmp_path / "encoder", SIZES, WORDS, tensors())


def by_hand(ids):
    """The last layer's vectors of one text, number by number in numpy."""
    w = {name: t.double().numpy() for name, t in tensors().items()}

    def norm(x, name):
        z = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-12)
        return z * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    e = "embeddings."
    x = w[f"{e}word_embeddings.weight"][ids] + w[f"{e}position_embeddings.weight"][: len(ids)]
    x = norm(x + w[f"{e}token_type_embeddings.weight"][0], f"{e}LayerNorm")
    for i in range(2):
        layer = f"encoder.layer.{i}"
        q, k, v = (dense(x, f"{layer}.attention.self.{n}") for n in ("query", "key", "value"))
        heads = []
        for h in range(3):
            part = slice(4 * h, 4 * h + 4)
            p = np.exp(q[:, part] @ k[:, part].T / 2)
            heads.append(p / p.sum(1, keepdims=True) @ v[:, part])
        attended = dense(np.concatenate(heads, 1), f"{layer}.attention.output.dense")
        x = norm(x + attended, f"{layer}.attention.output.LayerNorm")
        u = dense(x, f"{layer}.intermediate.dense")
        u = u * 0.5 * (1 + np.vectorize(math.erf)(u / math.sqrt(2)))
        x = norm(x + dense(u, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return x


IDS = [[2, 4, 5, 3], [2, 10, 6, 7, 9, 10, 11, 3], [2, 3], [2, 6, 8, 3]]


@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("normalize", [True, False])
def test_vectors_are_their_formula(folder, pooling, normalize):
    model = TextEmbedder(folder, pooling=pooling, normalize=normalize).fit(TEXTS)
    assert [ids.tolist() for ids in model.tokenizer_.ids(TEXTS)] == IDS
    found = model.transform(TEXTS)
    assert found.shape == (4, 12)
    for ids, vector in zip(IDS, found, strict=True):
        x = by_hand(ids)
        expected = x[0] if pooling == "first" else x.mean(0)
        if normalize:
            expected = expected / np.linalg.norm(expected)
        np.testing.assert_allclose(vector, expected, rtol=1e-4, atol=1e-5)


def test_long_texts_are_cut(folder):
    with pytest.warns(UserWarning, match=r"first 5 tokens.* 1 of 4 texts .* Raise max_tokens"):
        model = TextEmbedder(folder, max_tokens=5).fit(TEXTS)
    long, short = model.transform(["the dog sat on the mat", "the dog sat"])
    np.testing.assert_allclose(long, short, rtol=1e-5, atol=1e-6)
    assert len(TextEmbedder(folder).fit(TEXTS).transform(["the cat " * 50])) == 1
    with pytest.warns(UserWarning, match=r"first 9 tokens.* places for no more than 9"):
        TextEmbedder(folder).fit(["the cat " * 50])


def test_a_bundle_needs_the_folder_no_longer(folder, tmp_path):
    model = make_pipeline(TextEmbedder(folder), LogisticRegression()).fit(TEXTS, [0, 1, 0, 1])
    path = dv.save(model, tmp_path / "m.dove")
    expected = model.predict_proba(TEXTS)
    for file in folder.iterdir():
        file.unlink()
    np.testing.assert_array_equal(dv.load(path).predict_proba(TEXTS), expected)
    assert model[0].get_feature_names_out()[:2].tolist() == ["textembedder0", "textembedder1"]


def test_names_may_have_a_prefix(folder):
    expected = TextEmbedder(folder).fit(TEXTS).transform(TEXTS)
    save_file({f"bert.{n}": t for n, t in tensors().items()}, folder / "model.safetensors")
    np.testing.assert_array_equal(TextEmbedder(folder).fit(TEXTS).transform(TEXTS), expected)


def test_what_cannot_be_read_is_named(folder, tmp_path):
    with pytest.raises(DataError, match=r"lacks config.json, model.safetensors, tokenizer.json"):
        TextEmbedder(tmp_path / "nothing").fit(TEXTS)

    def config(**changes):
        (folder / "config.json").write_text(json.dumps({**SIZES, **changes}), "utf-8")

    config(model_type="roberta")
    with pytest.raises(DataError, match=r"model_type='roberta'; only 'bert'"):
        TextEmbedder(folder).fit(TEXTS)
    config(intermediate_size=24)
    with pytest.raises(DataError, match=r"intermediate.dense.weight of shape \(24, 12\)"):
        TextEmbedder(folder).fit(TEXTS)
    config(vocab_size=8)
    with pytest.raises(DataError, match=r"has 12 tokens, but the encoder beside it 8"):
        TextEmbedder(folder).fit(TEXTS)
    few = {k: v for k, v in SIZES.items() if k != "hidden_size"}
    (folder / "config.json").write_text(json.dumps(few), "utf-8")
    with pytest.raises(DataError, match="does not say hidden_size"):
        TextEmbedder(folder).fit(TEXTS)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_damaged_file_is_named(folder, name):
    (folder / name).write_text("{", "utf-8")
    with pytest.raises(DataError, match=name):
        TextEmbedder(folder).fit(TEXTS)


def test_pickles_are_not_read(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"lacks model.safetensors.* a pickle runs code"):
        TextEmbedder(folder).fit(TEXTS)
