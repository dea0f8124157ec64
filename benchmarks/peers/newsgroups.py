"""What a user of scikit-learn writes for benchmarks/pipelines/newsgroups.mlp: read, count, fit, score."""

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score
from sklearn.svm import LinearSVC

train = pd.read_parquet("../shared/data/newsgroups20_train.parquet")
test = pd.read_parquet("../shared/data/newsgroups20_test.parquet")
words = TfidfVectorizer(sublinear_tf=True)
model = LinearSVC().fit(words.fit_transform(train["text"]), train["category"])
print(accuracy_score(test["category"], model.predict(words.transform(test["text"]))))
