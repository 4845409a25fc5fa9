from dovetail.feature_extraction.text import TfidfVectorizer
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline

messages = [
    "win a free prize now",
    "are you coming home for dinner",
    "free entry, claim your prize",
    "see you at the station",
    "call now to claim cash",
    "dinner at home tonight",
]
spam = [True, False, True, False, True, False]

model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(messages, spam)
print(model.predict(["claim your free dinner", "home at six"]))
print(model[0].get_feature_names_out()[:4])
