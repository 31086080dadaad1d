"""Access to the API server: the pod's service account, else a kubeconfig for work on a laptop."""

from __future__ import annotations

import os

from kubernetes.aio import config
from kubernetes.aio.client import Configuration


async def read_login() -> Configuration:
    """Raises config.ConfigException where there is neither."""
    configuration = Configuration()
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(client_configuration=configuration)
    return configuration
