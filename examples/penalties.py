from dovetail.datasets import load_california
from dovetail.linear_model import GammaRegressor, LassoCV, RidgeCV
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import PolynomialFeatures, StandardScaler

X, y = load_california(return_X_y=True)
X = X[["median_income", "housing_median_age", "population", "households"]]
X_train, y_train, X_test, y_test = X[::2], y[::2], X[1::2], y[1::2]

for chosen in (RidgeCV(alphas=[0.1, 1.0, 10.0, 100.0]), LassoCV(cv=5)):
    model = make_pipeline(PolynomialFeatures(3), StandardScaler(), chosen).fit(X_train, y_train)
    kept = int((chosen.coef_ != 0).sum())
    score = round(model.score(X_test, y_test), 3)
    print(type(chosen).__name__, float(chosen.alpha_), f"{kept} of {chosen.coef_.size}", score)

prices = make_pipeline(StandardScaler(), GammaRegressor(alpha=1e-3)).fit(X_train, y_train)
explained = prices.score(X_test, y_test)
print("share of the deviance that is explained:", round(explained, 3))
