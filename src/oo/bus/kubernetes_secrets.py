"""Secrets of a Kubernetes namespace."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kubernetes import client, config  # type: ignore[import-untyped]  # it ships no types
from urllib3.exceptions import HTTPError

from oo.errors import SecretsRefused

_NOT_FOUND = 404
_LABELS = {"app.kubernetes.io/part-of": "oo", "app.kubernetes.io/managed-by": "oo"}


class KubernetesSecrets:
    """Asks as the service account of the pod, or as the kubeconfig of a person says.

    Args:
        namespace: of the Secrets.

    Raises:
        SecretsRefused: neither is there.
    """

    def __init__(self, namespace: str) -> None:
        try:
            config.load_config()
        except config.ConfigException as error:
            raise SecretsRefused(f"no cluster to ask: {error}; run it in a pod, or set KUBECONFIG") from error
        self._namespace = namespace
        self._api = client.CoreV1Api()

    def get(self, name: str) -> Mapping[str, str] | None:
        """As in `Secrets`."""
        with self._answering(name):
            try:
                found = self._api.read_namespaced_secret(name, self._namespace)
            except client.ApiException as error:
                if error.status == _NOT_FOUND:
                    return None
                raise
        return {field: b64decode(value).decode() for field, value in (found.data or {}).items()}

    def put(self, name: str, fields: Mapping[str, str]) -> None:
        """As in `Secrets`."""
        secret = client.V1Secret(
            metadata=client.V1ObjectMeta(name=name, labels=_LABELS), string_data=dict(fields), type="Opaque"
        )
        with self._answering(name):
            try:
                self._api.create_namespaced_secret(self._namespace, secret)
            except client.ApiException as error:
                if error.reason != "Conflict":
                    raise
                self._api.replace_namespaced_secret(name, self._namespace, secret)

    @contextmanager
    def _answering(self, name: str) -> Iterator[None]:
        try:
            yield
        except client.ApiException as error:
            # Not the body: an answer of the server may repeat what was sent.
            raise SecretsRefused(
                f"Secret {name} in {self._namespace}: {error.status} {error.reason}; may this service account get,"
                " create and update Secrets there?"
            ) from None
        except HTTPError as error:
            raise SecretsRefused(
                f"Secret {name} in {self._namespace}: the cluster does not answer ({error})"
            ) from error
