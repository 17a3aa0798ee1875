select
    steps.tool_usage_id as browser_action_id,
    steps.tool_usage_id,
    steps.session_id,
    steps.thread_id,
    steps.event_timestamp,
    steps.event_date,
    steps.step_index,
    coalesce(
        browser_actions.action_type, regexp_replace(lower(steps.step_type), '^browser_', ''), 'unknown'
    ) as action_type,
    steps.step_type,
    steps.user_id,
    cast(1 as decimal(5, 4)) as classification_confidence
from steps
left join browser_actions on steps.step_type = browser_actions.step_type
where steps.classification_target = 'browser_automations'
