import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from dovetail.deep import ImageClassifier

digits = load_digits()
X, y = (digits.images * 15).astype(np.uint8), digits.target
model = ImageClassifier(width=16, max_epochs=12, random_state=0).fit(X[:1400], y[:1400])
print(round(model.score(X[1400:], y[1400:]), 3))

p = model.predict_proba(X[1400:])
doubtful = np.argsort(p.max(1))[:12]  # where it is least sure
figure, axes = plt.subplots(2, 6, figsize=(6, 2.6))
for axis, i in zip(axes.flat, doubtful, strict=True):
    first, second = np.argsort(-p[i])[:2]
    axis.imshow(X[1400 + i], cmap="gray_r")
    axis.set_title(f"{first} or {second}? is {y[1400 + i]}", fontsize=8)
    axis.axis("off")
figure.suptitle("ImageClassifier: digits it doubts", fontsize=10)
figure.tight_layout()
figure.savefig("image_classifier.png", dpi=80)
