"""How gunicorn serves XCloud. It reads this file first, then GUNICORN_CMD_ARGS, then its command line."""

worker_class = "gthread"
# One process: the engines run in their own processes, so the server's GIL is held only for the work around them.
workers = 1
# More than XCLOUD_ENGINE_SLOTS and XCLOUD_ENGINE_QUEUE together, so that a thread is left to answer /healthz.
threads = 24
# Seconds: a silent worker is killed after the first; a stopping worker may finish its requests for the second.
timeout = 120
graceful_timeout = 30
# No gunicorn control client connects to this server.
control_socket_disable = True


def on_starting(server):
    """Gunicorn quotes what it cannot read, such as an address with somebody's name and a space in it."""
    from telemetry.logs import WithoutAddresses

    server.log.error_log.addFilter(WithoutAddresses())
