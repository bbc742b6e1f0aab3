"""How gunicorn serves XCloud. It reads this file first, then GUNICORN_CMD_ARGS, then its command line."""

# Our own worker class: one loop waits for slow clients, so that they hold no thread and no proxy is needed for that.
worker_class = "xcloud.server.worker.BufferingWorker"
# One process: the engines run in their own processes, so the server's GIL is held only for the work around them.
workers = 1
# One caller gets half. More than XCLOUD_ENGINE_SLOTS and XCLOUD_ENGINE_QUEUE together, so that some are left for lists.
threads = 24
# One address gets half.
worker_connections = 1000
# Seconds: a silent worker is killed after the first; a stopping worker may finish its requests for the second.
timeout = 120
graceful_timeout = 30
# No gunicorn control client connects to this server.
control_socket_disable = True
