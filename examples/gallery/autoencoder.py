import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from dovetail.decomposition import PCA
from dovetail.deep import Autoencoder

X = load_digits().data / 16
X, X_test = X[:1400], X[1400:]
net = Autoencoder(3, hidden=(128,), max_epochs=100, random_state=0).fit(X)
line = PCA(3).fit(X)
again = [model.inverse_transform(model.transform(X_test)) for model in (net, line)]
errors = [round(np.square(rows - X_test).mean(), 3) for rows in again]
print("squared error by three numbers: net", errors[0], "components", errors[1])

figure, axes = plt.subplots(3, 10, figsize=(7, 2.4))
for row, images, name in zip(axes, (X_test, *again), ("image", "net", "PCA"), strict=True):
    row[0].set_ylabel(name, fontsize=9)
    for axis, image in zip(row, images, strict=False):
        axis.imshow(image.reshape(8, 8), cmap="gray_r")
        axis.set(xticks=[], yticks=[])
figure.suptitle("Autoencoder: digits through three numbers and back", fontsize=10)
figure.savefig("autoencoder.png", dpi=80, bbox_inches="tight")
