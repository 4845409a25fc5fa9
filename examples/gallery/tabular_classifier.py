import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.model_selection import train_test_split

from dovetail.datasets import load_adult
from dovetail.deep import TabularClassifier

X, y = load_adult(return_X_y=True)  # numbers, words, missing values
X, X_test, y, y_test = train_test_split(X, y, train_size=4000, test_size=4000, random_state=0)
model = TabularClassifier(n_members=8, width=64, max_epochs=10, random_state=0).fit(X, y)
print(round(model.score(X_test, y_test), 3))

figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3))
p = model.predict_proba(X_test)[:, 1]
CalibrationDisplay.from_predictions(y_test, p, n_bins=10, pos_label=">50K", ax=left, name="net")
left.set_title("TabularClassifier on Adult: calibrated", fontsize=10)
schooling = np.arange(1, 17)
person = X_test.iloc[[0] * 16].assign(**{"education-num": schooling})
right.plot(schooling, model.predict_proba(person)[:, 1])
right.set(xlabel="years of schooling", ylabel="P(more than 50K)")
figure.tight_layout()
figure.savefig("tabular_classifier.png", dpi=80)
