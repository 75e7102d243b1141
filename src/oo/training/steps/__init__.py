"""The steps of the training pipeline: addresses and folders in, one library call each.

A module a step, since a step is a process of its own and starts as fast as its imports.
"""
