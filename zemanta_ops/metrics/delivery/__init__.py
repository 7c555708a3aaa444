"""From a sample to the agent: the queue, the buffer, statsd lines, transports, and the end of a process."""
