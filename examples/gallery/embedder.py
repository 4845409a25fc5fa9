import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from dovetail.decomposition import PCA
from dovetail.deep import Embedder, ImageClassifier
from dovetail.pipeline import make_pipeline
from dovetail.svm import SVC

digits, rng = load_digits(), np.random.default_rng(0)
y, X = digits.target, np.zeros((1797, 13, 13), np.uint8)
for image, digit, (i, j) in zip(X, digits.images, rng.integers(0, 6, (1797, 2)), strict=True):
    image[i : i + 8, j : j + 8] = digit * 15  # anywhere on the page
flat, learn, test = X.reshape(1797, -1), slice(0, 1400), slice(1400, None)

net = ImageClassifier(width=16, max_epochs=10, random_state=0)
model = make_pipeline(Embedder(net), SVC()).fit(X[learn], y[learn])
print("an SVC on features", round(model.score(X[test], y[test]), 3))
print("an SVC on pixels", round(SVC().fit(flat[learn], y[learn]).score(flat[test], y[test]), 3))

figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.2))
for axis, rows, name in zip(
    axes, (flat, model[0].transform(X)), ("pixels", "features"), strict=True
):
    points = axis.scatter(*PCA(2).fit_transform(rows[test]).T, c=y[test], cmap="tab10", s=8)
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"shifted digits by components of {name}", fontsize=10)
axis.legend(*points.legend_elements(), loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
figure.savefig("embedder.png", dpi=80, bbox_inches="tight")
