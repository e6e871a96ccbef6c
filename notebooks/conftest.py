"""Let matplotlib say here, and not in the first cell of a lesson, what it says only once.

It warns when building its cache of fonts takes more than five seconds. Where the home folder cannot
be written to, it names the folder that it takes instead, and tells later processes of it.
"""

import matplotlib.font_manager  # noqa: F401
