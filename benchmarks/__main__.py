"""`make bench`: /score beside a bare ASGI echo, measured in one run on a stack of its own."""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.http_timing import Timing, measure
from oo import catalog
from oo.features.services import FeatureService
from oo.local import stack
from oo.local.settings import PROJECT_DIR, StackSettings
