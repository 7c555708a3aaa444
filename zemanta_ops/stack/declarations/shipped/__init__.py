"""What this package declares about the metrics that it emits itself. Importing it registers the declarations."""

from zemanta_ops.stack.declarations.shipped import aws as aws
from zemanta_ops.stack.declarations.shipped import libraries as libraries
from zemanta_ops.stack.declarations.shipped import pipeline as pipeline
from zemanta_ops.stack.declarations.shipped import requests as requests
from zemanta_ops.stack.declarations.shipped import work as work
