"""Every error that oO raises on purpose. A message names the thing and the remedy."""


class OOError(Exception):
    """The base of all of them: what a process edge may show to a person as it is."""


class InvalidEvent(OOError):
    """Bytes on the bus that are not an event of the contract."""


class BusUnreachable(OOError):
    """The NATS server did not answer."""


class DecisionConflict(OOError):
    """A request id that already names another decision."""


class UnknownTenant(OOError):
    """A tenant that no catalog declares."""


class InvalidCatalog(OOError):
    """A catalog file that contradicts itself or names what does not exist."""


class InvalidFeature(OOError):
    """A feature value of the wrong type."""


class ModelNotReady(OOError):
    """A feature service whose champion is not loaded."""


class RegistryUnreachable(OOError):
    """The model registry did not answer."""


class UnknownModel(OOError):
    """A model version that the registry does not hold."""


class UnknownPromptVersion(OOError):
    """A prompt version that the library does not hold."""


class PromptRenderFailed(OOError):
    """A template and its variables that do not fit together."""


class GatewayFailed(OOError):
    """The language model gave no usable answer."""


class TrainingRefused(OOError):
    """A training run that cannot give a model worth judging."""


class UnknownDecision(OOError):
    """A decision id that no store holds."""


class StackFailed(OOError):
    """The local stack could not be brought up or down."""
