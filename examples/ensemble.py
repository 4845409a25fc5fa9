from dovetail.datasets import load_adult
from dovetail.ensemble import HistGradientBoostingClassifier

X, y = load_adult(return_X_y=True)
X = X.astype(dict.fromkeys(X.select_dtypes(exclude="number"), "category"))

# Categories and missing values are split on as they are.
model = HistGradientBoostingClassifier(early_stopping=True, random_state=0)
model.fit(X[:20_000], y[:20_000])
print(model.n_iter_, round(model.score(X[20_000:], y[20_000:]), 3))
