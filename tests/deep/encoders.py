"""Encoders in the layout of published ones, written here."""

import json

import tokenizers
from safetensors.torch import save_file

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def sizes(words, **more):
    """config.json of a small BERT with these words."""
    return {
        "model_type": "bert",
        "vocab_size": len(MARKS) + len(words),
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 20,
        "max_position_embeddings": 9,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        **more,
    }


def write(path, config, words, tensors):
    """A folder of config.json, tokenizer.json and model.safetensors."""
    ids = {word: i for i, word in enumerate([*MARKS, *words])}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.enable_padding(length=9)  # published ones may ask for it
    path.mkdir()
    made.save(str(path / "tokenizer.json"))
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(tensors, path / "model.safetensors")
    return path
