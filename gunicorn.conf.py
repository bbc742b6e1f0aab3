"""How gunicorn serves XCloud. It reads this file where it starts, and then GUNICORN_CMD_ARGS and its command line."""

worker_class = "gthread"
# One process, in which Python's lock is held only around the engines, which have processes of their own.
workers = 1
# More than XCLOUD_ENGINE_SLOTS and XCLOUD_ENGINE_QUEUE together, or nothing is left to answer /healthz.
threads = 24
# Seconds: without a sign of life a worker is killed; told to stop, it answers what it has taken.
timeout = 120
graceful_timeout = 30
# Nobody talks to it.
control_socket_disable = True


def on_starting(server):
    """Gunicorn quotes what it cannot read, such as an address with somebody's name and a space in it."""
    from telemetry.logs import WithoutAddresses

    server.log.error_log.addFilter(WithoutAddresses())
