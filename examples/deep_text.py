from dovetail.deep import LanguageModel, TextClassifier

praise = ["a lovely {}", "the {} was a joy", "what a fine {}", "I liked the {} a lot"]
blame = ["a dreadful {}", "the {} was a bore", "what a poor {}", "I left the {} early"]
things = ["film", "play", "book", "song", "dinner", "hotel", "garden", "lecture"]
texts = [t.format(thing) for thing in things for t in (*praise, *blame)]
moods = (["praise"] * 4 + ["blame"] * 4) * len(things)

model = TextClassifier(max_epochs=3, random_state=0).fit(texts, moods)
print(model.predict(["a lovely walk", "the trip was a bore"]))

writer = LanguageModel(
    "char", width=32, depth=1, context=32, steps_per_epoch=60, lr=0.01, dropout=0, random_state=0
)
writer.fit(texts)
print(round(writer.bits_per_byte(texts), 2), "bits per byte")
for piece in writer.generate("the ", max_new_tokens=20, temperature=0.7, stream=True):
    print(piece, end="")
