# The base is named once, to the patch release: moving it is a commit. A deployment that needs the very same bytes pins its
# digest (docker build --build-arg PYTHON=python@sha256:...).
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS base

FROM base AS build
# Where things go, so that .ci/image can run these same commands outside a container.
ARG TOOLS=/tools
ARG VENV=/opt/linefit
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# The dependencies first: they change seldom, so a change of the source reuses this layer. The environment that is shipped has
# no pip of its own, and the tools that build the wheel live in another.
COPY requirements-build.lock requirements-serve.lock ./
RUN python -m venv "$TOOLS" \
    && "$TOOLS/bin/python" -m pip install --require-hashes -r requirements-build.lock \
    && python -m venv --without-pip "$VENV" \
    && python -m pip --python "$VENV/bin/python" install --require-hashes -r requirements-serve.lock
COPY pyproject.toml README.md LICENSE ./
COPY service ./service
RUN "$TOOLS/bin/python" -m pip wheel --no-deps --no-index --no-build-isolation --wheel-dir wheels . \
    && python -m pip --python "$VENV/bin/python" install --no-deps --no-index wheels/*.whl

FROM base
# Nothing in the running container installs anything. The uid is fixed so that a volume keeps its owner from image to image.
RUN python -m pip uninstall --yes --root-user-action=ignore pip setuptools wheel \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin linefit \
    && install --directory --owner=linefit --group=linefit --mode=0700 /data
COPY --from=build /opt/linefit /opt/linefit
ENV PATH=/opt/linefit/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LINEFIT_PORT=8000 \
    LINEFIT_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# The opener without proxies: HTTP_PROXY in a container must not send the probe elsewhere.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['LINEFIT_PORT'] + '/healthz', timeout=2)"]
# Inside a container every address is right: what is published, and where, is decided outside. On a bare machine the default
# is 127.0.0.1.
CMD ["linefit", "serve", "--host", "0.0.0.0"]
