# Two images: --target runner (maker, hedger and paper exchange) and --target operator.
# Everything is installed by hash from locks/; they have no pip, no compiler and no root process.
# The same sources, base image and SOURCE_DATE_EPOCH give the same files.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
ARG SOURCE_DATE_EPOCH=1767225600
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
WORKDIR /src
COPY locks/build.txt locks/
RUN python3 -m pip install --quiet --require-hashes --no-deps -r locks/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
COPY runner/ runner/
RUN python3 -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel .

# Dependencies first: a change of our own code leaves their layer as it is. They go into a folder
# of their own, which the last stage puts on the path: no virtual environment, nothing to activate.
# Byte code is compiled here, without times in it, since the images' file systems are read-only.
FROM ${PYTHON_IMAGE} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
ARG SOURCE_DATE_EPOCH=1767225600
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
COPY scripts/finish-image /usr/local/bin/

FROM packages AS runner-packages
COPY locks/runner.txt /locks/
RUN python3 -m pip install --quiet --require-hashes --no-deps --target /opt/hedgepair \
        -r /locks/runner.txt \
    && finish-image /opt/hedgepair
FROM packages AS runner-own
COPY --from=build /wheel/ /wheel/
RUN python3 -m pip install --quiet --no-deps --no-index --target /opt/hedgepair /wheel/*.whl \
    && rm -rf /opt/hedgepair/hedgepair_operator /opt/hedgepair/bin/hedgepair-operator \
    && finish-image /opt/hedgepair

FROM packages AS operator-packages
COPY locks/operator.txt /locks/
RUN python3 -m pip install --quiet --require-hashes --no-deps --target /opt/hedgepair \
        -r /locks/operator.txt \
    && finish-image /opt/hedgepair
# The operator knows of the runner no more than its contract, and takes no more of it along.
FROM packages AS operator-own
COPY --from=build /wheel/ /wheel/
RUN python3 -m pip install --quiet --no-deps --no-index --target /opt/hedgepair /wheel/*.whl \
    && cd /opt/hedgepair && rm bin/hedgepair \
    && find hedgepair_runner -mindepth 1 -maxdepth 1 ! -name contract ! -name __init__.py \
        -exec rm -r {} + \
    && finish-image /opt/hedgepair

# What both images are made of: Python without its installer. Their user has no entry in /etc/passwd,
# so that it may be any: who asks for its name (kopf does) gets LOGNAME.
FROM ${PYTHON_IMAGE} AS stripped
ARG SOURCE_DATE_EPOCH=1767225600
RUN rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/site-packages/setuptools* \
        /usr/local/lib/python3*/site-packages/wheel* /usr/local/lib/python3*/ensurepip \
        /usr/local/lib/python3*/dist-packages/* /usr/lib/python3*/ensurepip \
        /usr/share/python-wheels /usr/local/bin/pip* /usr/local/bin/wheel \
        /usr/share/doc /usr/share/man /usr/share/info /var/cache/* /var/lib/apt/lists/* /var/log/* \
    && { find / -xdev -newermt "@${SOURCE_DATE_EPOCH}" \
        -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} + 2>/dev/null || true; }
FROM scratch AS bare
COPY --from=stripped / /
ENV PATH=/opt/hedgepair/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONPATH=/opt/hedgepair \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1 LOGNAME=hedgepair HOME=/tmp
WORKDIR /
USER 65532:65532
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="HedgePair" \
      org.opencontainers.image.description="Rests maker orders on one Lighter account and hedges each fill on a second one." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

FROM bare AS operator
COPY --from=operator-packages /opt/hedgepair/ /opt/hedgepair/
COPY --from=operator-own /opt/hedgepair/ /opt/hedgepair/
ENTRYPOINT ["python3", "-m", "hedgepair_operator"]

# Last, so that a build that names no target makes it.
FROM bare AS runner
COPY --from=runner-packages /opt/hedgepair/ /opt/hedgepair/
COPY --from=runner-own /opt/hedgepair/ /opt/hedgepair/
ENTRYPOINT ["hedgepair"]
