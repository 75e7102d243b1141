"""One settings class a process, read once from the environment (prefix OO_)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AliasChoices,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict, SettingsError

from oo.errors import InvalidSettings, faults
from oo.events.decision import ServingRole
from oo.events.json_types import Identifier
from oo.events.subjects import StreamName
from oo.llm.prices import Price
from oo.rollout.requirements import Requirements

LONGEST_FILL = 15.0
"""Seconds that a batch may fill: half of the time after which what is not acknowledged is delivered again."""
LONGEST_KEPT = 86_400.0
"""Seconds after which the bucket of written tips forgets them."""


class ProcessSettings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(env_prefix="OO_", frozen=True, extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    """The NATS server with JetStream."""
    nats_user: str | None = None
    """The process's user there, where the server asks for one: see `oo.bus.roles`."""
    nats_password: SecretStr | None = None
    """The user's password."""
    catalog: Annotated[tuple[Path, ...], NoDecode] = (Path("catalog/tips.yaml"),)
    """The catalog files that declare tenants and feature services, separated by commas."""
    stream_replicas: PositiveInt | None = None
    """How many servers keep each stream and bucket; when not given, 1 at first and then what is there."""
    stream_max_age_days: dict[StreamName, PositiveFloat] = {}
    """How long a stream keeps a message, as JSON such as `{"SIGNALS": 14}`; others begin as in `oo.events.subjects`."""
    stream_max_bytes: dict[StreamName, PositiveInt] = {}
    """How much a stream may hold before it refuses more, as JSON; others have no bound of their own at first."""
    dedupe_seconds: PositiveFloat | None = None
    """Within which time an event id counts as the same event; when not given, 600 at first and then what is there."""

    @field_validator("catalog", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part for part in value.split(",") if part] if isinstance(value, str) else value


class ServiceSettings(ProcessSettings):
    """What both HTTP services need."""

    serving_role: ServingRole = Field(
        default=ServingRole.STABLE, validation_alias=AliasChoices("SERVING_ROLE", "serving_role")
    )
    """What this deployment is to traffic: stable, canary or shadow. A shadow writes only below decisions.shadow.>."""
    decision_log_timeout: float = 0.25
    """Seconds within which the decision log must acknowledge; past it the answer goes out marked degraded."""
    online_store_timeout: float = 0.05
    """Seconds within which the online store must answer; past it the answer goes out without signal features."""
    max_body_bytes: int = 400_000
    """The largest request body that is read: the record of its decision must fit on the bus."""
    fault_errors_percent: float = Field(default=0.0, ge=0, le=100)
    """A rehearsal: the share of the decisions that fail with 500. Refused where SERVING_ROLE is stable."""
    fault_delay_seconds: float = Field(default=0.0, ge=0, le=5)
    """A rehearsal: how much later each decision comes, which its record tells too. Refused likewise."""

    @field_validator("serving_role", mode="before")
    @classmethod
    def _short_role(cls, value: object) -> object:
        return f"SERVING_ROLE_{value.upper()}" if isinstance(value, str) and "_" not in value else value

    @model_validator(mode="after")
    def _rehearses_beside_stable(self) -> Self:
        if self.serving_role is ServingRole.STABLE and (self.fault_errors_percent or self.fault_delay_seconds):
            raise ValueError("OO_FAULT_… is set and SERVING_ROLE is stable: only a shadow or a canary may rehearse one")
        return self


class AccessSettings(BaseSettings):
    """Who may ask an HTTP service, and how much: read when it begins to serve, so that a build needs none of it."""

    model_config = SettingsConfigDict(env_prefix="OO_", frozen=True, extra="ignore")

    callers: Literal["anyone"] | Path
    """The callers file, see `oo.access.callers`; or `anyone`, where others see to who may ask. There is no default."""
    tenant_requests_per_second: PositiveFloat | None = None
    """How many requests a second a tenant may send to this process; when not given, any number."""
    tenant_concurrency: PositiveInt = 200
    """How many requests of a tenant may be under way in this process: about what a scorer decides in the second for
    which its callers wait, so that more would be answered for nobody."""

    @model_validator(mode="before")
    @classmethod
    def _says_who_may_ask(cls, values: dict[str, object]) -> dict[str, object]:
        if not values.get("callers"):
            raise ValueError(
                "OO_CALLERS is not set: give it the path of a callers file, or the word anyone to answer whoever asks"
            )
        return values


class ScorerSettings(ServiceSettings):
    """The scorer's own."""

    mlflow_url: str = "http://127.0.0.1:5000"
    """The MLflow server whose champions are served."""
    registry_poll_seconds: float = 2.0
    """How often the registry is asked for a new champion."""
    models: Path | None = None
    """The folder of baked champions, see `oo.registry.baked_registry`, which are served then without any MLflow."""


class LanguageModelSettings(BaseSettings):
    """The language model, and what a call of it may take."""

    model_config = SettingsConfigDict(env_prefix="OO_", frozen=True, extra="ignore")

    llm_model: Annotated[tuple[Identifier, ...], NoDecode, Field(min_length=1)] = ("offline",)
    """The language models, named as LiteLLM names them and separated by commas: the first answers, the others stand in
    in order. `offline` needs no network and picks from a few tips of its own."""
    llm_api_base: str | None = None
    """The address of an OpenAI-compatible endpoint, when it is not the provider's own."""
    llm_api_key: SecretStr | None = None
    """The endpoint's key."""
    llm_prices: dict[str, Price] = {}
    """What models cost that LiteLLM has no price of, in US dollars a million tokens, as JSON such as
    `{"openai/tiny": {"prompt": 0.1, "completion": 0.4}}`."""
    llm_stream: bool = True
    """Whether answers are read as they are written, so that one that is too long is cut off; false for an endpoint that
    cannot."""
    llm_timeout: PositiveFloat = 5.0
    """Seconds within which a tip must be written, a second try included."""
    llm_max_prompt_tokens: PositiveInt = 4_000
    """The longest prompt that is sent."""
    llm_max_completion_tokens: PositiveInt = 400
    """The longest answer that is asked for, whatever a prompt wants."""
    llm_max_call_usd: float = Field(default=0.05, ge=0, allow_inf_nan=False)
    """What one call may cost, in US dollars."""
    llm_daily_usd: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    """What all calls for a tenant may cost a day (UTC), in US dollars, unless its catalog entry says otherwise."""

    @field_validator("llm_model", mode="before")
    @classmethod
    def _split_models(cls, value: object) -> object:
        return [part for part in value.split(",") if part] if isinstance(value, str) else value


class GeneratorSettings(ServiceSettings, LanguageModelSettings):
    """The generator's own."""

    default_prompt_version: str = Field(
        default="v1", validation_alias=AliasChoices("DEFAULT_PROMPT_VERSION", "default_prompt_version")
    )
    """The prompt version for requests that name none."""
    prompts: Path | None = None
    """The folder of prompt files with their lock and `retired.yaml`; when not given, the released ones of oO."""
    tip_cache_seconds: float = Field(default=3_600.0, ge=0, le=LONGEST_KEPT)
    """How long written tips may be shown again to the person of whom nothing new is known; 0 writes new ones always."""
    shadow_prompt_version: str | None = None
    """A prompt on trial: a second tip is written with it for a share of the requests, recorded and shown to nobody."""
    shadow_prompt_percent: float = Field(default=0.0, ge=0, le=100)
    """The share of the requests."""
    shadow_prompt_daily_usd: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """What the prompt on trial may cost a tenant a day, in US dollars, beside what its people's tips may."""

    @model_validator(mode="after")
    def _has_a_prompt_on_trial(self) -> Self:
        if self.shadow_prompt_percent and self.shadow_prompt_version is None:
            raise ValueError("OO_SHADOW_PROMPT_PERCENT is set, and OO_SHADOW_PROMPT_VERSION does not say of which")
        return self


class ConsumerSettings(ProcessSettings):
    """What every consumer needs."""

    health_host: str = "127.0.0.1"
    """The address that /livez, /readyz and /metrics listen on."""
    health_port: int = 3100
    """Their port."""
    batch_size: PositiveInt = 500
    """The most messages taken at once."""
    drain_seconds: PositiveFloat = 20.0
    """How long the batch in hand may take after SIGTERM; must end before the pod's grace time, 30 s unless set."""


class ArchiveSettings(ConsumerSettings):
    """The archive's own."""

    batch_size: PositiveInt = 2_000
    """The most messages taken at once: they become one commit of the table."""
    batch_seconds: float = Field(default=1.0, gt=0, le=LONGEST_FILL)
    """How long to wait for so many; longer makes fewer and larger files, and the events that much later."""
    offline_store: str = ".oo/offline"
    """The Delta table's folder or address."""


class RewardsSettings(ConsumerSettings):
    """The reward join's own."""

    batch_seconds: float = Field(default=1.0, gt=0, le=LONGEST_FILL)
    """How long to wait for a full batch, which becomes one transaction."""
    tip_scores_url: str = "sqlite:///.oo/tip_scores.db"
    """The database of tip_scores, as SQLAlchemy writes it."""
    policy_state_seconds: float = 2.0
    """How often what policies have learned is passed on to the scorers."""


class PipelineSettings(ProcessSettings):
    """What training and the command line read."""

    mlflow_url: str = "http://127.0.0.1:5000"
    """The MLflow server."""
    offline_store: str = ".oo/offline"
    """The Delta table's folder or address."""
    tip_scores_url: str = "sqlite:///.oo/tip_scores.db"
    """The database of tip_scores, as SQLAlchemy writes it."""
    pipeline_root: Path = Path(".oo/pipelines")
    """Where pipeline runs keep their artifacts."""
    model_cards: Path = Path("model_cards")
    """The folder of model cards, whose words people write."""
    traffic: Literal["laptop", "helm"] = "laptop"
    """Who moves the traffic of models: the laptop stack's proxy, or `helm upgrade` of the scorer's release."""
    helm_release: str = "oo-scorer"
    """The scorer's release of the chart `bento`."""
    helm_namespace: str = "default"
    """Its namespace."""
    helm_chart: Path = Path("helm/bento")
    """The folder of that chart, at the version that is installed."""
    rollout: Requirements = Requirements()
    """How careful rollouts are, as JSON such as `{"shadow_hold": "PT6H"}`: what is not named keeps its default, and
    `oo rollout requirements` shows all."""


S = TypeVar("S", bound=BaseSettings)


def read(settings: type[S], environment: Mapping[str, str] | None = None) -> S:
    """The settings of a process.

    Args:
        settings: the class.
        environment: variables that go before those of this process.

    Raises:
        InvalidSettings: a variable is missing or malformed; says which.
    """
    try:
        if environment is None:
            return settings()
        source = EnvSettingsSource(settings)
        source.env_vars = {name.lower(): value for name, value in environment.items()}
        return settings.model_validate(source())
    except SettingsError as error:
        raise InvalidSettings(f"settings of this process: {error}; JSON is expected there") from error
    except ValidationError as error:
        # Its own words hold the values, and passwords are among them.
        raise InvalidSettings(f"settings of this process: {faults(error, settings.__name__)}") from None
