"""Tests of the whole stack as `make up` starts it. A package, so that the stack ends with the last of them."""
