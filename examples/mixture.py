from dovetail.datasets import load_penguins
from dovetail.mixture import GaussianMixture
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

X, species = load_penguins(return_X_y=True)
X = X[["bill_length_mm", "flipper_length_mm"]].dropna()

# How many kinds are there? The criterion weighs likelihood against numbers to learn.
scaled = StandardScaler().fit_transform(X)
for k in range(1, 6):
    print(k, round(GaussianMixture(k, n_init=3, random_state=0).fit(scaled).bic(scaled), 1))

# Probabilities of kinds, and new birds.
model = make_pipeline(StandardScaler(), GaussianMixture(3, random_state=0)).fit(X)
print(model.predict_proba(X[:3]).round(3))
birds, kinds = model[-1].sample(5)
print(model[0].inverse_transform(birds).round())
