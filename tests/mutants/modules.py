"""The modules that are mutated, each with the tests that have to notice."""

from __future__ import annotations

# Module below the package → tests below tests/. One name may cover a folder of modules.
MODULES: dict[str, str] = {
    "secrets/wire": "secrets/test_wire.py secrets/test_vectors.py secrets/backends/test_local.py",
    "secrets/binding": "secrets/test_binding.py",
    "secrets/secret": "secrets/test_secret_reads.py secrets/test_secret.py",
    "secrets/resolve": "secrets/test_resolve.py secrets/test_containers.py",
    "secrets/ledger": "secrets/redaction/test_ledger.py",
    "secrets/backends/__init__": "secrets/backends/test_base.py",
    "secrets/backends/base": "secrets/backends/test_base.py",
    "secrets/backends/local": (
        "secrets/backends/test_local_keys.py secrets/backends/test_local.py secrets/test_vectors.py"
    ),
    "secrets/backends/password": (
        "secrets/backends/test_password_tokens.py secrets/backends/test_password.py secrets/test_vectors.py"
    ),
    "secrets/backends/sealed": (
        "secrets/backends/test_sealed_tokens.py secrets/backends/test_sealed_keys.py secrets/backends/test_sealed.py"
    ),
    "secrets/backends/kms": "secrets/backends/test_kms_requests.py",
    "secrets/backends/vault": "secrets/backends/test_vault_requests.py",
    "secrets/redaction/forms": "secrets/redaction/test_matcher.py secrets/redaction/test_parts.py",
    "secrets/redaction/matcher": "secrets/redaction/test_matcher.py secrets/redaction/test_parts.py",
    "secrets/redaction/parts": "secrets/redaction/test_parts.py",
    "secrets/redaction/errors": "secrets/redaction/test_errors.py",
    "secrets/redaction/values": (
        "secrets/redaction/test_containers.py secrets/redaction/test_matcher.py secrets/redaction/test_parts.py"
    ),
    "secrets/redaction/logs": (
        "secrets/redaction/test_logs.py secrets/redaction/test_hooks.py secrets/redaction/test_names.py"
    ),
    "secrets/rotation/campaign": "secrets/rotation/test_campaign.py",
    "secrets/rotation/reencrypt": "secrets/rotation/test_reencrypt.py",
    "secrets/rotation/selection": "secrets/rotation/test_selection.py",
    "secrets/rotation/order": "secrets/rotation/test_selection.py",
    "secrets/rotation/survey": "secrets/rotation/test_survey.py",
    "secrets/rotation/journal": "secrets/rotation/test_journal.py secrets/rotation/test_rotate.py",
    "metrics/series/cardinality": "metrics/series",
    "metrics/series/cache": "metrics/series",
    "metrics/series/tags": "metrics/series/test_tags.py",
    "metrics/request/recorder": "metrics/request",
    "metrics/request/state": "metrics/request/test_state.py",
    "metrics/request/view_names": "metrics/request/test_view_names.py metrics/test_numbers.py",
    "metrics/client": "metrics/test_client.py metrics/test_client_states.py metrics/test_client_series.py",
    "metrics/delivery/queue": "metrics/delivery/test_queue.py metrics/delivery/test_flusher.py",
    "metrics/delivery/buffer": (
        "metrics/delivery/test_buffer.py metrics/delivery/test_flusher.py metrics/delivery/test_buffer_states.py "
        "metrics/delivery/test_buffer_threads.py"
    ),
    "metrics/delivery/batch": "metrics/delivery/test_batch.py metrics/delivery/test_buffer.py",
    "metrics/delivery/statsd_writer": "metrics/delivery/test_statsd_writer.py metrics/delivery/test_buffer.py",
    "metrics/delivery/transports": (
        "metrics/delivery/test_endpoint.py metrics/delivery/test_transports.py metrics/delivery/test_tcp.py"
    ),
    "metrics/delivery/forks": "metrics/delivery/test_forks.py",
    "metrics/delivery/shutdown": "metrics/delivery/test_shutdown.py metrics/delivery/test_forks.py",
    "metrics/delivery/emit_functions": "metrics/delivery/test_emit_functions.py",
    "stack/statsd": "stack/test_statsd.py",
    "stack/databases/influxdb1": "stack/databases/test_influxdb1_requests.py",
    "stack/databases/http": (
        "stack/databases/test_answers.py stack/databases/test_endpoint.py "
        "stack/databases/test_tls.py::test_a_server_that_only_ends_plain_connections_is_asked_for_tls"
    ),
    "stack/databases/influxdb2": "stack/databases/test_influxdb2_requests.py",
    "stack/databases/prometheus": "stack/databases/test_promql_requests.py stack/databases/test_promql_answers.py",
    "stack/databases/promql": "stack/databases/test_promql_requests.py stack/databases/test_promql_answers.py",
    "stack/databases/victoriametrics": "stack/databases/test_promql_requests.py stack/databases/test_promql_answers.py",
    "stack/databases/errors": "stack/databases/test_answers.py stack/databases/test_failures.py",
    "stack/databases/urls": "stack/databases/test_urls.py",
    "stack/databases/line_protocol": "stack/databases/test_line_protocol.py",
    "stack/check/telegraf_stats": "stack/check/test_telegraf_stats.py stack/check/test_diagnosis.py",
    "stack/check/diagnosis": (
        "stack/check/test_diagnosis.py stack/check/test_findings.py stack/check/test_probe_findings.py"
    ),
    "stack/check/hops": "stack/check/test_hops.py",
    "stack/check/probe": "stack/check/test_probe.py",
    "stack/check/flow": "stack/check/test_flow.py stack/check/test_flow_steps.py",
    "stack/check/agent_config": "stack/check/test_agent_config.py stack/check/test_agent_targets.py",
    "stack/check/agent_process": "stack/check/test_agent_process.py",
    "stack/check/agent_hop": "stack/check/test_agent_hop.py",
    "stack/check/cloudwatch": "stack/check/test_cloudwatch.py",
    "stack/declarations/terms": "stack/declarations/test_terms.py",
    "stack/declarations/registry": "stack/declarations/test_registry.py stack/declarations/test_model.py",
    "stack/declarations/model": "stack/declarations/test_model.py",
    "stack/declarations/known": "stack/declarations/test_known.py",
    "stack/declarations/units": "stack/declarations/test_terms.py",
    "stack/declarations/durations": "stack/declarations/test_terms.py",
    "stack/declarations/runbooks": "stack/declarations/test_runbooks.py",
    "stack/declarations/messages": "stack/declarations/test_runbooks.py",
    "stack/declarations/names": "stack/declarations/test_terms.py",
    "stack/declarations/faults/texts": "stack/declarations/test_faults.py stack/declarations/test_fault_texts.py",
    "stack/declarations/faults/values": "stack/declarations/test_faults.py stack/declarations/test_fault_texts.py",
    "stack/declarations/faults/references": "stack/declarations/test_faults.py stack/declarations/test_fault_texts.py",
    "stack/declarations/faults/shapes": "stack/declarations/test_faults.py stack/declarations/test_fault_texts.py",
    "stack/declarations/faults/collisions": "stack/declarations/test_faults.py stack/declarations/test_fault_texts.py",
    "stack/declarations/faults/fault": "stack/declarations/test_faults.py stack/declarations/test_fault_texts.py",
    "stack/declarations/faults/__init__": "stack/declarations/test_faults.py stack/declarations/test_fault_texts.py",
}
