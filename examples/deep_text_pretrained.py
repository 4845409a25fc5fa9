import json
from pathlib import Path
from tempfile import TemporaryDirectory

import tokenizers
from safetensors.torch import save_file

from dovetail.deep import TextClassifier
from dovetail.nn.bert import Bert

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "the", "film", "play", "book", "was"]
words += ["lovely", "fine", "dreadful", "poor"]
sizes = {"n_tokens": len(words), "width": 16, "depth": 1, "heads": 2, "units": 32, "length": 16}
names = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
         "intermediate_size", "max_position_embeddings")  # fmt: skip
config = {"model_type": "bert", "type_vocab_size": 2, "layer_norm_eps": 1e-12}
config |= dict(zip(names, sizes.values(), strict=True))

with TemporaryDirectory() as name:  # in the place of a published encoder: one that knows nothing
    folder = Path(name)
    table = {word: i for i, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(table, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(config))
    save_file(Bert(**sizes).state_dict(), folder / "model.safetensors")

    texts = [f"{a} {thing} was {word}" for a in ("a", "the") for thing in ("film", "play", "book")
             for word in ("lovely", "fine", "dreadful", "poor")]  # fmt: skip
    moods = ["praise", "praise", "blame", "blame"] * 6
    model = TextClassifier(pretrained=folder, lr=0.002, max_epochs=20, random_state=0)
    model.fit(texts, moods)

print(model.predict(["the film was fine", "a poor book"]))
