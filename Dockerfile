# What serves, on a CPU: the web server, the workers and every command of manage.py, with the trained weights inside.
# docker build -t xcloud .        See docs/operations.md.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.lock requirements-search.lock /build/
RUN pip install --require-hashes -r /build/requirements.lock
# --build-arg SEARCH=1 also installs faiss and the client of Milvus, which only large collections of faces need.
ARG SEARCH=
RUN if [ -n "$SEARCH" ]; then pip install --require-hashes -r /build/requirements-search.lock; fi
COPY . /app
WORKDIR /app
# Compressed once here, so that the containers need not write them.
RUN SECRET_KEY=build XCLOUD_VAR_DIR=/tmp/build XCLOUD_STATIC_DIR=/app/collected \
    python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q api cv telemetry web xcloud

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 xcloud \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin xcloud \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/xcloud
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    XCLOUD_VAR_DIR=/var/lib/xcloud \
    XCLOUD_STATIC_DIR=/app/collected
WORKDIR /app
USER 10001:10001
EXPOSE 8000
# Any answer but a fault of the server counts: whether 127.0.0.1 is one of its names is the operator's to say.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status >= 500)"]
CMD ["gunicorn", "xcloud.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-tmp-dir", "/dev/shm"]
