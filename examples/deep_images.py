import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

from dovetail.deep import Autoencoder, Embedder, ImageClassifier
from dovetail.pipeline import make_pipeline
from dovetail.svm import SVC

digits = load_digits()
X, y = (digits.images * 15).astype(np.uint8), digits.target  # 1,797 images of 8 × 8 bytes
X, y, X_test, y_test = X[:1400], y[:1400], X[1400:], y[1400:]

# A residual net, sized by the images; or fit("folder of class folders").
net = ImageClassifier(width=16, max_epochs=10, random_state=0).fit(X, y)
print("images told apart", round(net.score(X_test, y_test), 3))

# Its features as columns for any other estimator.
model = make_pipeline(Embedder(FrozenEstimator(net)), SVC()).fit(X, y)
print("by a support-vector machine on its features", round(model.score(X_test, y_test), 3))

# Images through 16 numbers and back; no classes needed.
codes = Autoencoder(16, width=8, max_epochs=20, random_state=0).fit(X)
again = codes.inverse_transform(codes.transform(X_test))

doubtful = np.argsort(net.predict_proba(X_test).max(1))[:10]
figure, axes = plt.subplots(2, 10, figsize=(7.5, 1.9))
for i, j in enumerate(doubtful):
    axes[0, i].imshow(X_test[j], cmap="gray_r")
    axes[0, i].set_title(f"{net.predict(X_test[j : j + 1])[0]} ({y_test[j]})", fontsize=9)
    axes[1, i].imshow(again[j], cmap="gray_r")
for axis in axes.flat:
    axis.axis("off")
figure.savefig("deep_images.png", dpi=80, bbox_inches="tight")
