import matplotlib.pyplot as plt
from sklearn.preprocessing import LabelEncoder

from dovetail.datasets import load_penguins
from dovetail.deep import VAE

X, y = load_penguins(return_X_y=True)
model = VAE(8, max_epochs=150, random_state=0).fit(X, y)
drawn, species = model.sample(344, random_state=0)
print(drawn.head(3))

figure, axes = plt.subplots(1, 2, figsize=(7.5, 3), sharex=True, sharey=True)
for axis, table, labels, name in zip(
    axes, (X, drawn), (y, species), ("penguins", "drawn by a VAE"), strict=True
):
    codes = LabelEncoder().fit_transform(labels)
    axis.scatter(
        table["bill_length_mm"], table["bill_depth_mm"], c=codes, cmap="tab10", vmax=9, s=12
    )
    missing = table["sex"].isna().mean()
    axis.set_title(f"{name} (no sex noted: {missing:.1%})", fontsize=10)
    axis.set(xlabel="bill length, mm", ylabel="bill depth, mm")
figure.tight_layout()
figure.savefig("vae.png", dpi=80)
