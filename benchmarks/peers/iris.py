"""What a user of scikit-learn writes for benchmarks/pipelines/iris.mlp: read, part, fit, score."""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

iris = pd.read_csv("benchmarks/pipelines/iris.csv")
train, test = iris[iris["part"] == "train"], iris[iris["part"] == "test"]
inputs = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
model = LogisticRegression(max_iter=1000).fit(train[inputs], train["species"])
print(accuracy_score(test["species"], model.predict(test[inputs])))
