"""Questions that a new developer asks, and the module and name with the answer.

A reader who sees only file names should find most of them. If a name moves, change its line; if a question becomes hard
to answer from the names, the names are wrong.
"""

from __future__ import annotations

# Question: module below zemanta_ops, then the name in it.
ANSWERS = {
    # Metrics
    "What happens when the queue is full?": ("metrics/delivery/queue.py", "PendingSamples"),
    "What sends the samples, and how often?": ("metrics/delivery/buffer.py", "Buffer"),
    "What happens at fork?": ("metrics/delivery/forks.py", "call_in_children"),
    "What is sent when a process ends?": ("metrics/delivery/shutdown.py", "close_before_exit"),
    "How is a sample written as a line of statsd?": ("metrics/delivery/statsd_writer.py", "encode"),
    "What happens when the agent is down?": ("metrics/delivery/transports.py", "UDP"),
    "Where does the status tag come from?": ("metrics/request/recorder.py", "RequestRecorder"),
    "Where does the view tag come from?": ("metrics/request/view_names.py", "name_request"),
    "What stops a tag with too many values?": ("metrics/series/cardinality.py", "SeriesGuard"),
    "Which characters of a tag are replaced?": ("metrics/series/tags.py", "clean_value"),
    "Which metrics does the app emit?": ("metrics/catalog.py", "METRICS"),
    "How is it ensured that one gauge collector runs?": ("metrics/gauges/lease.py", "DatabaseLease"),
    "Where would I add an instrumentation?": ("metrics/instrumentation/__init__.py", "NAMES"),
    # Secrets
    "Where are the settings decrypted?": ("secrets/resolve.py", "decrypt_settings"),
    "How is a token written and parsed?": ("secrets/wire.py", "parse"),
    "What stops a token from being moved to another setting?": ("secrets/binding.py", "check"),
    "What does ZEMANTA_OPS_SECRETS=deferred do?": ("secrets/modes.py", "Deferred"),
    "Where would I add a backend?": ("secrets/backends/__init__.py", "_PATHS"),
    "How does a secret get out of a log line?": ("secrets/redaction/logs.py", "RecordFactory"),
    "How is a token replaced without touching the rest?": (
        "secrets/files/token_replacement.py",
        "replace_tokens",
    ),
    "What makes a rotation resumable?": ("secrets/rotation/journal.py", "Journal"),
    "What stops a server that has an undecrypted secret?": ("serving.py", "guard_handlers"),
    # Stack
    "Where is the Telegraf percentile list?": ("stack/agent_contract.py", "PERCENTILES"),
    "Where is telegraf.conf written?": ("stack/generate/telegraf/telegraf_conf.py", "render_config"),
    "How is a legacy dotted name split?": ("stack/generate/telegraf/legacy/patterns.py", "parse_pattern"),
    "What are the exit codes of check_metrics?": ("stack/check/hops.py", "HOPS"),
    "How does the development agent compute percentiles?": ("stack/agent/accumulators.py", "DistributionAccumulator"),
    "Where would I add a database?": ("stack/databases/__init__.py", "MODULES"),
}
