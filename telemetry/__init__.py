"""What operators see: metrics, log lines, and who asks behind a proxy. Imported by all, imports nothing of ours."""
