"""Assets of the classifier: the lookup table of sites, and the model that learns from it."""

import dagster as dg

from chat_platform.assets import keys, steps
from chat_platform.assets.lake import LOCK
from chat_platform.settings import Settings


def build_classifier(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets for these settings."""

    @dg.asset(
        key=keys.SITES,
        group_name="chat",
        owners=keys.OWNERS,
        kinds={"csv"},
        required_resource_keys=LOCK,
        description="Lookup of sites: category, intent and example queries; the classifier learns from it.",
    )
    def domain_classifications() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"rows": steps.prepare_sites(settings)})

    @dg.asset(
        key=keys.MODEL,
        deps=[keys.SITES],
        group_name="classifier",
        owners=keys.OWNERS,
        kinds={"scikitlearn"},
        required_resource_keys=LOCK,
        description="Classifier of domain and intent. Trained anew only when its data, code or scikit-learn changed.",
    )
    def domain_intent_model() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata=steps.model_metadata(steps.prepare_model(settings)))

    return [domain_classifications, domain_intent_model]
