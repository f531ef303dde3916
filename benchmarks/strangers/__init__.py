"""Small models as strangers write them, each with the value or the word that is right.

A file holds one theme, and every function of it that stands below a decorator of `case` is a case:
half of them run, and their log p(x) stands beside them by hand; half are broken on purpose.
`python -m benchmarks.hostile` tries them all.
"""
