import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay

from dovetail.neural_network import MLPClassifier

digits = load_digits()
X, y = digits.data / 16, digits.target
model = MLPClassifier((64,), max_iter=60, early_stopping=True, random_state=0)
model.fit(X[:1200], y[:1200])
print(round(model.score(X[1200:], y[1200:]), 3))

figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3))
left.plot(model.loss_curve_, label="loss")
left.plot(model.validation_scores_, label="validation accuracy")
left.set(xlabel="epoch")
left.legend()
left.set_title("MLPClassifier on digits", fontsize=10)
ConfusionMatrixDisplay.from_predictions(
    y[1200:], model.predict(X[1200:]), ax=right, colorbar=False, text_kw={"fontsize": 7}
)
figure.tight_layout()
figure.savefig("mlp_classifier.png", dpi=80)
