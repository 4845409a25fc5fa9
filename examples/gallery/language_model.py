import matplotlib.pyplot as plt

from dovetail.datasets import load_sms
from dovetail.deep import LanguageModel, TrainingDisplay

table, y = load_sms(return_X_y=True)
texts = table["text"][y == "ham"].tolist()[:2000]  # messages of friends
model = LanguageModel(
    "char", width=64, depth=1, context=32, lr=0.01, dropout=0, batch_size=32, max_epochs=6,
    early_stopping=True, random_state=0,
)  # fmt: skip
model.fit(texts)
print(round(model.bits_per_byte(texts[-100:]), 2), "bits per byte")

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
TrainingDisplay.from_estimator(model, ax=left, name="")
left.set_title("LanguageModel of text messages", fontsize=10)
right.axis("off")
right.set_title("what it writes", fontsize=10)
for i in range(6):
    text = "I " + model.generate("I ", max_new_tokens=44, temperature=0.6, random_state=i)
    print(text)
    right.text(0, 0.9 - 0.17 * i, " ".join(text.replace("$", "").split()), fontsize=8)
figure.savefig("language_model.png", dpi=80, bbox_inches="tight")
