# One file for the image of every service: docker build --build-arg SERVICE=accounting .
# SERVICE=devstack COMMAND=parkcarbon makes the image of the `parkcarbon` command, for migrations and for looking around.
# BASE and BUILDER need the same Python 3.11 at the same path; BUILDER also its venv module. What BASE is where nothing can be
# pulled: docs/deployment.md.
ARG BASE=python:3.11-slim-bookworm
ARG BUILDER=${BASE}

FROM ${BUILDER} AS build
ARG SERVICE
ARG COMMAND=parkcarbon-${SERVICE}
ARG UV_VERSION=0.13.9
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/parkcarbon
# The optional secret `ca` is a bundle of certificates, for machines whose way to the package index has a certificate of its own.
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --disable-pip-version-check uv==${UV_VERSION}
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi; \
    /opt/uv/bin/uv sync --quiet --python "$(command -v python3)" --package parkcarbon-${SERVICE} --no-editable --no-dev \
    && ln -s ${COMMAND} /opt/parkcarbon/bin/serve \
    && cp deploy/image/*.py /opt/parkcarbon/ \
    && mkdir -p /state/private /state/public

FROM ${BASE}
ARG SERVICE
# Some bases bring pip; nothing is installed into an image that runs.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip
COPY --from=build /opt/parkcarbon /opt/parkcarbon
# A volume that is mounted here for the first time takes over who owns it.
COPY --from=build --chown=10001:10001 /state /state
COPY LICENSE /opt/parkcarbon/
ENV PATH=/opt/parkcarbon/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PARKCARBON_SERVICE=${SERVICE}
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "/opt/parkcarbon/healthcheck.py"]
ENTRYPOINT ["/opt/parkcarbon/bin/serve"]
