from dovetail.datasets import load_california
from dovetail.linear_model import LinearRegression, Ridge
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import SplineTransformer, StandardScaler

X, y = load_california(return_X_y=True)
X = X[["median_income", "housing_median_age", "latitude", "longitude"]]

straight = make_pipeline(StandardScaler(), LinearRegression()).fit(X[::2], y[::2])
curved = make_pipeline(SplineTransformer(n_knots=12), Ridge(alpha=1e-3)).fit(X[::2], y[::2])
print(round(straight.score(X[1::2], y[1::2]), 2), round(curved.score(X[1::2], y[1::2]), 2))
print(straight[-1].coef_.shape, straight[-1].program_)
