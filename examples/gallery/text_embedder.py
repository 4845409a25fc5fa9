import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tokenizers
import torch
from safetensors.torch import save_file

from dovetail.datasets import load_sms
from dovetail.decomposition import PCA
from dovetail.deep import TextEmbedder
from dovetail.nn.bert import Bert

table, y = load_sms(return_X_y=True)
texts, y = table["text"].tolist()[:1000], np.asarray(y)[:1000]

# A folder as encoders are published. This one has random weights: put a downloaded one here.
folder = Path("encoder")
folder.mkdir(exist_ok=True)
pieces = tokenizers.BertWordPieceTokenizer()
pieces.train_from_iterator(texts, vocab_size=2000)
pieces.save(str(folder / "tokenizer.json"))
sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 2000}
sizes |= {"intermediate_size": 128, "max_position_embeddings": 256, "type_vocab_size": 2}
text = json.dumps({"model_type": "bert", "layer_norm_eps": 1e-12, **sizes})
(folder / "config.json").write_text(text)
torch.manual_seed(0)
save_file(Bert(2000, 64, 2, 4, 128, 256).state_dict(), folder / "model.safetensors")

vectors = TextEmbedder(folder).fit_transform(texts)
print(vectors.shape)
places = PCA(2, random_state=0).fit_transform(vectors)
figure, axis = plt.subplots(figsize=(5, 3))
for label, size in (("ham", 4), ("spam", 10)):
    axis.scatter(*places[y == label].T, s=size, label=label)
axis.legend()
axis.set_title("TextEmbedder: messages as vectors, two components", fontsize=10)
figure.savefig("text_embedder.png", dpi=80, bbox_inches="tight")
