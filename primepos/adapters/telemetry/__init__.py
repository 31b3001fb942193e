"""Telemetry: metrics, error reports and traces, behind the ports of ``core.observing`` and ``core.log``."""
