"""Measures what is budgeted, and writes docs/performance.md."""

import os

# Powertools reads these when it is imported, which any part of this may do first.
os.environ |= {"POWERTOOLS_SERVICE_NAME": "bench", "POWERTOOLS_METRICS_NAMESPACE": "Stamkunde"}
