"""What a user of scikit-learn writes for benchmarks/pipelines/iris.mlp: read, split, fit, score."""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

iris = pd.read_csv("examples/data/iris.csv")
x, y = iris.drop(columns="species"), iris["species"]
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
model = LogisticRegression(max_iter=1000).fit(x_train, y_train)
print(accuracy_score(y_test, model.predict(x_test)))
