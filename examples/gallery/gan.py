import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from dovetail.deep import GAN
from dovetail.svm import SVC

digits = load_digits(n_class=4)
X, y = (digits.images * 15).astype(np.uint8), digits.target
judge = SVC().fit(X.reshape(len(X), -1), y)

figure, axes = plt.subplots(3, 12, figsize=(7, 2.1))
for row, epochs in zip(axes, (2, 8, 30), strict=True):
    model = GAN(16, width=16, max_epochs=epochs, random_state=0).fit(X, y)
    images, labels = model.sample(400, random_state=0)
    right = judge.score(images.reshape(400, -1), labels)
    print(epochs, "epochs: share that an SVC of real digits takes for what they should be", right)
    row[0].set_ylabel(f"{epochs} epochs\n{right:.0%}", fontsize=8)
    for axis, image in zip(row, model.sample(12, np.arange(12) % 4, 1)[0], strict=True):
        axis.imshow(image, cmap="gray_r")
        axis.set(xticks=[], yticks=[])
figure.suptitle("GAN: digits drawn, and what a classifier of real ones says", fontsize=10)
figure.savefig("gan.png", dpi=80, bbox_inches="tight")
