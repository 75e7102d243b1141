"""The steps of the pipelines: the settings of a process and folders in, one library call each.

A module a step, since a step is a process of its own and starts as fast as its imports.
"""

LATEST = -1
"""The version of the offline store that is the latest when a run begins."""
