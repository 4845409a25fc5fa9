import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import PrecisionRecallDisplay

from dovetail.datasets import load_sms
from dovetail.deep import TextClassifier
from dovetail.feature_extraction.text import TfidfVectorizer
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline

table, y = load_sms(return_X_y=True)
texts, y = table["text"].tolist(), np.asarray(y)
learn, test = slice(0, 1500), slice(1500, 3000)
net = TextClassifier(n_runs=20_000, max_epochs=2, random_state=0)
words = make_pipeline(TfidfVectorizer(), LogisticRegression())

figure, axis = plt.subplots(figsize=(5, 3))
for model, name in ((net, "TextClassifier"), (words, "logistic regression on tf-idf")):
    model.fit(texts[learn], y[learn])
    print(name, round(model.score(texts[test], y[test]), 3))
    p = model.predict_proba(texts[test])[:, 1]
    PrecisionRecallDisplay.from_predictions(y[test], p, pos_label="spam", ax=axis, name=name)
axis.set(xlim=(0.5, 1.01), ylim=(0.5, 1.01), xlabel="recall", ylabel="precision", aspect="auto")
axis.set_title("TextClassifier: spam among text messages", fontsize=10)
figure.savefig("text_classifier.png", dpi=80, bbox_inches="tight")
