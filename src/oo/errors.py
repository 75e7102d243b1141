"""Every error that oO raises on purpose. A message names the thing and the remedy."""

from pydantic import ValidationError


def faults(error: ValidationError, whole: str) -> str:
    """What pydantic found, as one line of `field: message`, without the values; `whole` names what has no field."""
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or whole}: {fault['msg']}" for fault in found)


class OOError(Exception):
    """The base of all of them: what a process edge may show to a person as it is."""


class InvalidEvent(OOError):
    """Bytes on the bus that are not an event of the contract."""


class UnknownSchemaVersion(InvalidEvent):
    """An event of a version of the contract that this program does not read."""


class InvalidSettings(OOError):
    """Environment variables that a process cannot start with."""


class BusUnreachable(OOError):
    """The NATS server did not answer."""


class PublishFailed(OOError):
    """An event that the bus did not acknowledge."""


class MessageTooLarge(OOError):
    """An event over the limit of the bus."""


class UnknownDeadLetter(OOError):
    """A sequence at which the dead-letter stream holds nothing."""


class SinkUnavailable(OOError):
    """The store that a consumer writes to cannot take anything at present, whatever it is given."""


class DecisionLogUnavailable(OOError):
    """The decision log did not acknowledge within its time budget."""


class DecisionConflict(OOError):
    """A request id that already names another decision."""


class Unauthorized(OOError):
    """A request that no caller's token came with."""


class TenantNotAllowed(OOError):
    """A tenant for which this caller may not ask."""


class TooManyRequests(OOError):
    """A tenant that asks more than one process answers it."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(f"{message}; ask again in {seconds} s")
        self.seconds = seconds


class RehearsedFault(OOError):
    """A decision that fails on purpose."""


class UnknownTenant(OOError):
    """A tenant that no catalog declares."""


class InvalidCatalog(OOError):
    """A catalog file that contradicts itself or names what does not exist."""


class UnknownPolicy(OOError):
    """A policy version that the catalog does not declare."""


class InvalidFeature(OOError):
    """A feature value of the wrong type."""


class UnreadableRegistry(OOError):
    """A TypeScript file whose profile features cannot be read from its text."""


class InvalidModel(OOError):
    """Bytes that are not an ONNX model of the expected shape."""


class OnlineStoreUnavailable(OOError):
    """The online store did not answer, or not within its time budget."""


class InvalidArms(OOError):
    """Arms, or probabilities of arms, between which no policy can choose."""


class InvalidPolicyState(OOError):
    """What a policy is said to have learned cannot be so."""


class OffPolicyRefused(OOError):
    """Logged decisions from which another policy cannot be valued."""


class ModelNotReady(OOError):
    """A feature service whose champion is not loaded."""


class RegistryUnreachable(OOError):
    """The model registry did not answer."""


class ReadOnlyRegistry(OOError):
    """A change of a model registry that is only there to read."""


class UnknownModel(OOError):
    """A model version that the registry does not hold."""


class UnknownPromptVersion(OOError):
    """A prompt version that the library does not hold."""


class RetiredPromptVersion(OOError):
    """A prompt version that was released and is used no more."""


class PromptInUse(OOError):
    """A prompt version that cannot be retired, since something still writes with it."""


class PromptRenderFailed(OOError):
    """A template and its variables that do not fit together."""


class InvalidPrompt(OOError):
    """A prompt file that contradicts itself, or is not what was released."""


class InvalidRules(OOError):
    """A file of guardrail rules that cannot be read or that leaves something out."""


class GatewayFailed(OOError):
    """The language model gave no usable answer."""


class GatewayTimedOut(GatewayFailed):
    """The language model gave no answer within its time cap."""


class CompletionTooLong(GatewayFailed):
    """An answer that went on past its cap."""


class AnswerLost(GatewayFailed):
    """No usable answer, though a model had begun one: it may be billed."""


class BudgetRefused(GatewayFailed):
    """A call that no language model was asked, or whose answer is not used, for what it takes."""


class PromptTooLong(BudgetRefused):
    """A prompt over the cap, which no language model was asked."""


class CallTooDear(BudgetRefused):
    """A call that costs more than one call may."""


class DailyBudgetSpent(BudgetRefused):
    """A call of a tenant whose budget of the day has no room for it."""


class BudgetUnknown(BudgetRefused):
    """A call without word of what the tenant has spent: nothing is asked blindly."""


class TipCacheUnavailable(OOError):
    """The cache of written tips did not answer, or not within its time budget."""


class TrainingRefused(OOError):
    """A training run that cannot give a model worth judging."""


class PipelineFailed(OOError):
    """A step of a pipeline ended without its result."""


class OfflineStoreFailed(OOError):
    """The offline store could not be read or written."""


class RewardStoreFailed(OOError):
    """The database of tip_scores could not be opened."""


class ErasureUnfinished(OOError):
    """A person who could not be erased yet; what was done stands, and to run it again goes on from there."""


class UnknownDecision(OOError):
    """A decision id that no store holds."""


class StackFailed(OOError):
    """The local stack could not be brought up or down."""


class HistoryMoved(OOError):
    """Somebody else wrote a transition of the same subject since its history was read."""


class HistoryUnreachable(OOError):
    """The history did not answer, or what it holds cannot be read."""


class DatasetUnfinished(OOError):
    """A dataset, or shards of one, of which something is missing or half-written; to assemble it again helps."""


class TrafficRefused(OOError):
    """Requests could not be sent where they should go; what was there stays."""


class SecretsRefused(OOError):
    """Secrets of a cluster could not be read or written."""


class RolloutRefused(OOError):
    """A command that the state of a rollout does not allow."""


class EvidenceChanged(OOError):
    """An evidence bundle that is not what a transition rests on."""


class UnknownColumn(OOError):
    """A column that a feature service does not have."""


class InvalidCard(OOError):
    """A model card cannot be read, or does not say what it must."""
