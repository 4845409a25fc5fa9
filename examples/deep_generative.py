import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from dovetail.datasets import load_penguins
from dovetail.deep import GAN, VAE
from dovetail.linear_model import LogisticRegression

# Rows of a table: numbers, strings and missing values as in the table that was seen.
X, species = load_penguins(return_X_y=True)
model = VAE(8, max_epochs=60, random_state=0).fit(X, species)
table, _ = model.sample(5, y="Gentoo", random_state=0)
print(table)

# Images of a class, scored by a classifier of real ones.
digits = load_digits()
images, y = (digits.images * 15).astype(np.uint8), digits.target
judge = LogisticRegression(max_iter=500).fit(images.reshape(-1, 64) / 255, y)
figure, axes = plt.subplots(2, 10, figsize=(7.5, 1.9))
for row, model in zip(
    axes, (VAE(8, width=8, max_epochs=15), GAN(16, width=8, max_epochs=25)), strict=True
):
    model.set_params(random_state=0).fit(images, y)
    drawn, labels = model.sample(500, random_state=0)
    score = judge.score(drawn.reshape(-1, 64) / 255, labels)
    print(type(model).__name__, "share of drawn images that are what they should be", score)
    for axis, image in zip(row, model.sample(10, y=np.arange(10), random_state=1)[0], strict=True):
        axis.imshow(image, cmap="gray_r")
        axis.axis("off")
figure.savefig("deep_generative.png", dpi=80, bbox_inches="tight")
