from oo.rollout.helm_traffic import HelmTraffic, Release
from oo.rollout.traffic import Actuator
from oo.settings import PipelineSettings, read


def model_traffic(settings: PipelineSettings) -> Actuator:
    """What moves the traffic of models here, as `OO_TRAFFIC` says.

    Raises:
        InvalidSettings: a variable of the laptop stack is malformed.
    """
    if settings.traffic == "helm":
        return HelmTraffic(Release(settings.helm_release, settings.helm_namespace, settings.helm_chart))
    # Imported here: what the laptop stack needs is not in the image that moves a cluster's traffic.
    from oo.local.settings import StackSettings  # noqa: PLC0415
    from oo.local.traffic import LocalTraffic  # noqa: PLC0415

    return LocalTraffic(read(StackSettings))
