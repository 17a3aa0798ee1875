"""Assets of manual accuracy: what people judged, and the figures from it."""

import dagster as dg

from chat_platform.accuracy.store import write_figures
from chat_platform.assets import keys
from chat_platform.assets.lake import LOCK
from chat_platform.settings import Settings

JUDGED = tuple(dg.AssetKey(["voice", table]) for table in ("annotations", "transcripts", "prompt_scores"))
FIGURES = dg.AssetKey(["kpi", "voice_accuracy"])


def build_accuracy_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets for these settings."""
    judged = [
        dg.AssetSpec(
            key,
            deps=[dg.AssetKey(["voice", "turns"])],
            group_name="voice",
            owners=keys.OWNERS,
            kinds={"csv"},
            description="What people judged; brought by `chat-platform accuracy import`.",
        )
        for key in JUDGED
    ]

    @dg.asset(
        key=FIGURES,
        deps=list(JUDGED),
        group_name="kpi",
        owners=keys.OWNERS,
        kinds={"scikitlearn"},
        required_resource_keys=LOCK,
        description="Accuracy of robot, speech recognition and prompts by judged samples, made anew from all of them.",
    )
    def voice_accuracy() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"rows": write_figures(settings)})

    return [*judged, voice_accuracy]
