from dovetail.covariance import LedoitWolf
from dovetail.datasets import load_penguins
from dovetail.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)

X, y = load_penguins(return_X_y=True)
X = X.select_dtypes("number").dropna()
y = y[X.index]

# A straight boundary, and the plane in which the species are farthest apart.
linear = LinearDiscriminantAnalysis().fit(X[::2], y[::2])
print(round(linear.score(X[1::2], y[1::2]), 3))
print(linear.transform(X).shape, linear.explained_variance_ratio_.round(3))

# A covariance for each species, shrunk as much as pays.
curved = QuadraticDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(X[::2], y[::2])
print(round(curved.score(X[1::2], y[1::2]), 3))

# Which Adelie penguins are unlike the others?
adelie = X[y == "Adelie"]
distance = LedoitWolf().fit(adelie).mahalanobis(adelie)
print(adelie.iloc[distance.argsort()[-2:]])
