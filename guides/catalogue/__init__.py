"""The catalogue's guides: beside those that every experiment meets, what else there is.

They meet the models of a folder, as in `make catalogue`, and any model when they are named.
"""
