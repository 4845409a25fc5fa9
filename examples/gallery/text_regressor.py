import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from dovetail.datasets import load_california
from dovetail.deep import TextRegressor
from dovetail.feature_extraction.text import TextJoiner

X, y = load_california(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, train_size=2000, test_size=1000, random_state=0)
rows = TextJoiner(n_bins=20).fit(X)  # a table's rows as texts
print(rows.transform(X[:1])[0, 0].replace("\n", "; "))
model = TextRegressor(n_runs=5000, width=32, depth=1, max_tokens=96, max_epochs=2, random_state=0)
model.fit(rows.transform(X), y / 1000)
print(round(model.score(rows.transform(X_test), y_test / 1000), 2))

figure, axis = plt.subplots(figsize=(5, 3))
axis.hexbin(
    y_test / 1000, model.predict(rows.transform(X_test)), gridsize=40, cmap="Blues", bins="log"
)
axis.plot([0, 500], [0, 500], "k--", linewidth=1)
axis.set(xlabel="house value, 1,000 USD", ylabel="predicted", ylim=(-50, 550))
axis.set_title("TextRegressor: values read from rows as texts", fontsize=10)
figure.savefig("text_regressor.png", dpi=80, bbox_inches="tight")
