"""The built-in guides under one import name, `from elbo_room.guides.gaussian import fullrank`.

In a wheel their files lie here. In a checkout they lie in its own folder guides/, which is part of this
package, so that a user's folder of that name is never in the way.
"""

from elbo_room.content.places import checkout

if (_root := checkout()) is not None:
    __path__.append(str(_root / "guides"))
