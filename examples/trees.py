from dovetail.datasets import load_penguins
from dovetail.ensemble import IsolationForest, RandomForestClassifier
from dovetail.tree import DecisionTreeClassifier, export_text

X, y = load_penguins(return_X_y=True)
X = X.select_dtypes("number")  # some values are missing

# One tree, to be read.
tree = DecisionTreeClassifier(max_leaf_nodes=3, random_state=0).fit(X, y)
print(export_text(tree, feature_names=X.columns, decimals=1))

# Many trees, to be trusted: every row is judged by those that have not seen it.
forest = RandomForestClassifier(200, oob_score=True, random_state=0).fit(X, y)
print(round(forest.oob_score_, 3))
print(dict(zip(X.columns, forest.feature_importances_.round(2).tolist(), strict=True)))

# Which penguins are unlike the others?
strange = IsolationForest(random_state=0).fit(X).score_samples(X).argsort()[:3]
print(X.iloc[strange])
