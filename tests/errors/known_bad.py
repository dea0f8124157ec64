"""Messages that should be better: what is written, what is said today, and what a reader would want to be told.

A message that has become better fails `test_known_bad.py`; then it is moved to the tests of what is good, and its row
here is deleted.
"""

HEAD = """mlp 1
data { csv("t.csv") }
features {
  y: binary("no", "yes") as target
  a, b: continuous
  c: categorical("x", "z")
}
"""

# (text, what is said, what should be said)
KNOWN_BAD = [
    (
        HEAD + "model { cart }\nsplit { test = 20, folds = 5 }\n",
        ["MLP0202 `test` is out of range", "MLP0001 unexpected `,`"],
        "settings stand on lines of their own, without commas",
    ),
    (
        HEAD + "transforms { one_hot on c }\nmodel { logistic_regression }\nmodel { cart }\nmetrics { f2 }\n",
        ["MLP0017 a model needs a name where there are several", "MLP0017 a model needs a name where there are several",
         "MLP0101 unknown metric `f2`"],
        "one message for both models, naming a name for each: their algorithms",
    ),
    (
        HEAD + "model { decision_tree }\n",
        ["MLP0101 unknown model `decision_tree`"],
        "the task's models, or the one that other libraries call so: `cart`",
    ),
]  # fmt: skip
