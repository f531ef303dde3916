"""The posteriors of posteriordb: what others have published draws of.

Each of these models is one of posteriordb's, with its data, and our reference must agree with its draws.
"""
