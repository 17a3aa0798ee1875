-- Messages whose text changes when it is masked, masked as the tables show it (publish/sql/messages.sql). Names of models,
-- tools and states stay: prices and routing are found by them.
-- In: rows, a relation of lake rows. Out: whole rows.
select
    lake.* replace (
        mask(lake.user_query) as user_query,
        mask(lake.response_content) as response_content,
        mask(lake.failure_reason) as failure_reason,
        list_transform(
            lake.steps,
            lambda step: struct_update(
                step,
                timezone := mask(step.timezone),
                action := mask(step.action),
                url := mask(step.url),
                keywords := list_transform(step.keywords, lambda word: mask(word))
            )
        ) as steps
    )
from {rows} as lake
where
    may_tell(
        concat_ws(
            chr(10),
            lake.user_query,
            lake.response_content,
            lake.failure_reason,
            array_to_string(
                flatten(
                    list_transform(
                        lake.steps,
                        lambda step: list_concat([step.timezone, step.action, step.url], coalesce(step.keywords, []))
                    )
                ),
                chr(10)
            )
        )
    )
