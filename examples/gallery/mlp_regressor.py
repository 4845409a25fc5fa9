import matplotlib.pyplot as plt
import numpy as np

from dovetail.neural_network import MLPRegressor

rng = np.random.default_rng(0)
X = np.sort(rng.uniform(-3, 3, (400, 1)), axis=0)
y = np.sin(2 * X[:, 0]) + 0.3 * X[:, 0] + rng.normal(0, 0.15, 400)

figure, axis = plt.subplots(figsize=(5, 3))
axis.plot(X[:, 0], y, ".", color="black", markersize=3)
for alpha in (1e-4, 1.0, 30.0):
    model = MLPRegressor(
        hidden_layer_sizes=(50,),
        activation="tanh",
        solver="lbfgs",
        alpha=alpha,
        max_iter=500,
        random_state=0,
    )
    model.fit(X, y)
    print(alpha, round(model.score(X, y), 2))
    axis.plot(X[:, 0], model.predict(X), label=f"alpha={alpha:g}")
axis.legend()
axis.set_title("MLPRegressor: how weights are penalized", fontsize=10)
figure.savefig("mlp_regressor.png", dpi=80, bbox_inches="tight")
