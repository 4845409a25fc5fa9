import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from dovetail.datasets import load_california
from dovetail.deep import TabularRegressor

X, y = load_california(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, train_size=6000, random_state=0)
model = TabularRegressor(n_members=8, width=64, max_epochs=12, random_state=0).fit(X, y)
print(round(model.score(X_test, y_test), 3))

figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3))
left.hexbin(y_test / 1000, model.predict(X_test) / 1000, gridsize=40, bins="log", cmap="Blues")
left.plot([0, 500], [0, 500], "k--", linewidth=1)
left.set(xlabel="house value, 1,000 USD", ylabel="predicted")
left.set_title("TabularRegressor on districts of California", fontsize=10)
place = right.scatter(
    X_test["longitude"], X_test["latitude"], c=model.predict(X_test) / 1000, s=2, cmap="viridis"
)
right.set_title("predicted value", fontsize=10)
figure.colorbar(place, ax=right)
figure.tight_layout()
figure.savefig("tabular_regressor.png", dpi=80)
