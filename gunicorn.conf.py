"""How gunicorn serves XCloud. It reads this file where it starts, and then GUNICORN_CMD_ARGS and its command line."""

# Waits for slow clients in one loop, so that they hold no thread; a proxy is not needed for that.
worker_class = "xcloud.server.worker.BufferingWorker"
# One process, in which Python's lock is held only around the engines, which have processes of their own.
workers = 1
# A caller gets half; more than XCLOUD_ENGINE_SLOTS and XCLOUD_ENGINE_QUEUE together, or nothing is left for lists.
threads = 24
# One address gets half.
worker_connections = 1000
# Seconds: without a sign of life a worker is killed; told to stop, it answers what it has taken.
timeout = 120
graceful_timeout = 30
# Nobody talks to it.
control_socket_disable = True
