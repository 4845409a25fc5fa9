from dovetail.compose import TransformedTargetRegressor
from dovetail.datasets import load_california
from dovetail.neural_network import MLPRegressor
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import QuantileTransformer, StandardScaler

X, y = load_california(return_X_y=True)
X = X[["median_income", "housing_median_age", "latitude", "longitude"]]

net = MLPRegressor(hidden_layer_sizes=(64, 32), early_stopping=True, max_iter=30, random_state=0)
model = make_pipeline(
    QuantileTransformer(output_distribution="normal"),
    TransformedTargetRegressor(net, transformer=StandardScaler()),
)
model.fit(X[::2], y[::2])
print(round(model.score(X[1::2], y[1::2]), 2))
print(model[-1].regressor_.program_)
