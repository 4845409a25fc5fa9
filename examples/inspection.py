from sklearn.inspection import permutation_importance

from dovetail.datasets import load_california
from dovetail.ensemble import RandomForestRegressor
from dovetail.inspection import tree_shap
from dovetail.tree import export_text

X, y = load_california(return_X_y=True)
X = X.select_dtypes("number")
seen, new = X[::2], X[1::40]
model = RandomForestRegressor(30, min_samples_leaf=20, random_state=0).fit(seen, y[::2])

# What makes this district cheap or dear? Dollars that each column adds to the mean.
found = tree_shap(model, new)
added = dict(zip(X.columns, found.values[0].round().tolist(), strict=True))
print(round(found.base_value), sorted(added.items(), key=lambda item: -abs(item[1]))[:3])
print(round(found.base_value + found.values[0].sum()), round(model.predict(new)[0]))

# Which column matters most? By what it adds, and by what is lost when it is shuffled.
print(X.columns[abs(found.values).mean(0).argmax()])
lost = permutation_importance(model, new, y[1::40], n_repeats=3, random_state=0)
print(X.columns[lost.importances_mean.argmax()])

# A tree can be read as it is, here the top of the first one.
print(export_text(model.estimators_[0], feature_names=X.columns, max_depth=1, decimals=1))
