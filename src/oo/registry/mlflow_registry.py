"""The registry in MLflow, over HTTP with mlflow-skinny."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from oo.errors import InvalidModel, OOError, RegistryUnreachable, UnknownModel
from oo.registry.registry import ROWS_SHA256, Alias, ModelVersion

# MLflow's own defaults wait for minutes and draw progress bars. What the environment sets already stays.
os.environ |= {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
} | dict(os.environ)

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.exceptions import MlflowException, RestException
from mlflow.models import Model
from requests import RequestException  # type: ignore[import-untyped]  # it ships no types

EXPERIMENT = "oo"
"""The MLflow experiment that the runs of all models stand under."""
_FOLDER, _ONNX = "model", "model.onnx"
_FACTS = {"digest", "feature_service", "feature_digest"}
"""The tags that a `ModelVersion` says itself."""
_UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
_UNKNOWN_ALIAS = (_UNKNOWN, "INVALID_PARAMETER_VALUE")


class MlflowRegistry:
    """Model versions in MLflow's registry, one run each, whose folder `model/` opens as an MLflow model of flavor onnx.

    Args:
        tracking_uri: the MLflow server, such as `http://127.0.0.1:5000`.
    """

    def __init__(self, tracking_uri: str) -> None:
        self._uri = tracking_uri
        self._client = MlflowClient(tracking_uri)

    def by_alias(self, name: str, alias: Alias) -> ModelVersion | None:
        """The version of model `name` under this alias, None when there is none."""
        with self._asked():
            try:
                return _from_mlflow(self._client.get_model_version_by_alias(name, alias))
            except RestException as error:
                if error.error_code in _UNKNOWN_ALIAS:
                    return None
                raise

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of model `name`, oldest first."""
        with self._asked():
            return list(map(_from_mlflow, self._found(name)))

    def load(self, version: ModelVersion) -> bytes:
        """The ONNX file, checked against the version's digest."""
        onnx = self.read_file(version, _ONNX)
        if hashlib.sha256(onnx).hexdigest() != version.digest:
            raise InvalidModel(f"{version.name} {version.version} is not the file that was registered; train it again")
        return onnx

    def read_file(self, version: ModelVersion, file: str) -> bytes:
        """A file that was registered with the version."""
        with self._asked(), tempfile.TemporaryDirectory() as folder:
            run = self._run_of(version.name, version.version)
            if f"{_FOLDER}/{file}" not in {found.path for found in self._client.list_artifacts(run, _FOLDER)}:
                raise UnknownModel(f"{version.name} {version.version} has no file {file!r}")
            return Path(self._client.download_artifacts(run, f"{_FOLDER}/{file}", folder)).read_bytes()

    def tags(self, version: ModelVersion) -> dict[str, str]:
        """The short facts of the version."""
        with self._asked():
            tags = self._get(version.name, version.version).tags
        return {tag: value for tag, value in tags.items() if tag not in _FACTS}

    def register(  # noqa: PLR0913  # each is a fact of the version, given by name
        self,
        name: str,
        onnx: bytes,
        *,
        feature_service: str,
        feature_digest: str,
        files: Mapping[str, bytes],
        tags: Mapping[str, str],
    ) -> ModelVersion:
        """A new version of model `name`, unless these rows made the same file before."""
        digest = hashlib.sha256(onnx).hexdigest()
        facts = {"digest": digest, "feature_service": feature_service, "feature_digest": feature_digest}
        with self._asked():
            if rows := tags.get(ROWS_SHA256):
                for found in self._found(name):
                    if (found.tags.get("digest"), found.tags.get(ROWS_SHA256)) == (digest, rows):
                        return _from_mlflow(found)
            run = self._client.create_run(self._experiment(), run_name=name).info.run_id
            self._upload(run, {_ONNX: onnx, "MLmodel": _mlmodel(run), **files})
            self._client.set_terminated(run)
            self._declare(name)
            version = self._client.create_model_version(
                name, f"runs:/{run}/{_FOLDER}", run, tags={**tags, **facts}, await_creation_for=0
            )
            return _from_mlflow(version)

    def attach(self, version: ModelVersion, files: Mapping[str, bytes], tags: Mapping[str, str]) -> None:
        """Add files and tags to a version."""
        with self._asked():
            self._upload(self._run_of(version.name, version.version), files)
            for tag, value in tags.items():
                self._client.set_model_version_tag(version.name, str(version.version), tag, value)

    def set_alias(self, name: str, alias: Alias, version: int) -> None:
        """Let `alias` name this version from now on."""
        with self._asked():
            self._get(name, version)
            self._client.set_registered_model_alias(name, alias, str(version))

    def remove_alias(self, name: str, alias: Alias) -> None:
        """Let `alias` name no version any more."""
        with self._asked():
            try:
                self._client.delete_registered_model_alias(name, alias)
            except RestException as error:
                if error.error_code != _UNKNOWN:  # of a model that nobody registered
                    raise

    def _found(self, name: str) -> list[MlflowVersion]:
        """All versions, oldest first."""
        found: list[MlflowVersion] = []
        token: str | None = None
        while token != "":
            page = self._client.search_model_versions(f"name='{name}'", page_token=token)
            found += page
            token = page.token or ""
        return sorted(found, key=lambda version: int(version.version))

    def _run_of(self, name: str, version: int) -> str:
        return str(self._get(name, version).run_id)

    def _get(self, name: str, version: int) -> MlflowVersion:
        try:
            return self._client.get_model_version(name, str(version))
        except RestException as error:
            if error.error_code == _UNKNOWN:
                raise UnknownModel(f"model {name!r} has no version {version}; train or bootstrap it first") from error
            raise

    def _experiment(self) -> str:
        if (known := self._client.get_experiment_by_name(EXPERIMENT)) is None:
            return str(self._client.create_experiment(EXPERIMENT))
        return str(known.experiment_id)

    def _declare(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except RestException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _upload(self, run: str, files: Mapping[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for file, content in files.items():
                (Path(folder) / file).write_bytes(content)
            self._client.log_artifacts(run, folder, _FOLDER)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except OOError:
            raise
        except (MlflowException, RequestException) as error:
            fault = str(error).splitlines()[0][:300]
            raise RegistryUnreachable(
                f"the model registry at {self._uri} gave no usable answer; is it running? `make up`. It said: {fault}"
            ) from error


def _from_mlflow(version: MlflowVersion) -> ModelVersion:
    return ModelVersion(
        name=version.name,
        version=int(version.version),
        digest=version.tags.get("digest", ""),
        feature_service=version.tags.get("feature_service", ""),
        feature_digest=version.tags.get("feature_digest", ""),
    )


def _mlmodel(run: str) -> bytes:
    """What makes the folder a model to MLflow: `mlflow.onnx.load_model("models:/<name>/<version>")` opens it."""
    model = Model(artifact_path=_FOLDER, run_id=run)
    model.add_flavor("onnx", data=_ONNX, providers=["CPUExecutionProvider"])
    return str(model.to_yaml()).encode()
