# The runner's image: maker, hedger and paper exchange (--target runner).
# Everything is installed by hash from locks/; it has no pip, no compiler and no root process.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY locks/build.txt locks/
RUN python3 -m pip install --quiet --require-hashes --no-deps -r locks/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
COPY runner/ runner/
RUN python3 -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel .

# Dependencies first: a change of our own code leaves their layer as it is. They go into a folder
# of their own, which the last stage puts on the path: no virtual environment, nothing to activate.
FROM ${PYTHON_IMAGE} AS runner-packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY locks/runner.txt /locks/
RUN python3 -m pip install --quiet --require-hashes --no-deps --target /opt/hedgepair -r /locks/runner.txt
COPY --from=build /wheel/ /wheel/
RUN python3 -m pip install --quiet --no-deps --no-index --upgrade --target /opt/hedgepair /wheel/*.whl

# What the image is made of: Python without its installer, and a user that is nobody else.
FROM ${PYTHON_IMAGE} AS bare
RUN rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/site-packages/setuptools* \
        /usr/local/lib/python3*/site-packages/wheel* /usr/local/lib/python3*/ensurepip \
        /usr/local/lib/python3*/dist-packages/pip* /usr/local/lib/python3*/dist-packages/setuptools* \
        /usr/lib/python3*/ensurepip /usr/share/python-wheels /usr/local/bin/pip*
ENV PYTHONPATH=/opt/hedgepair PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/hedgepair/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /
USER 65532:65532
LABEL org.opencontainers.image.title="HedgePair" \
      org.opencontainers.image.description="Rests maker orders on one Lighter account and hedges each fill on a second one." \
      org.opencontainers.image.licenses="Apache-2.0"

FROM bare AS runner
COPY --from=runner-packages /opt/hedgepair/ /opt/hedgepair/
ENTRYPOINT ["hedgepair"]
