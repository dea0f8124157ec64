"""What a user of scikit-learn writes for the search of benchmarks/tuning.py: read, part, search, score."""

import sys

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold

table = pd.read_csv(sys.argv[1])
train, test = table[table["part"] == "train"], table[table["part"] == "test"]
inputs = [name for name in table.columns if name not in ("label", "part")]
search = GridSearchCV(
    LogisticRegression(max_iter=1000),
    {"C": np.geomspace(1e-3, 1e3, 20)},
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
    n_jobs=2,
).fit(train[inputs], train["label"])
print(search.score(test[inputs], test["label"]))
