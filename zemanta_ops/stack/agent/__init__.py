"""The development agent: receives statsd, aggregates, displays, forwards and writes."""
