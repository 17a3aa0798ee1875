-- Hashes of the lists of keys in the first lines in which none stands twice. In: lines.
set variable whole_keys = (
    select coalesce(list(distinct hash(keys)), [])
    from (
        select json_keys(
            line, ['$', '$.context', '$.context.customer', '$.context.customer.nlp', '$.context.agent', '$.context.api']
        ) as keys
        from lines
        where row_number < 500 and json_valid(line)
    ) as first_lines
    where not list_bool_or(list_transform(keys, lambda names: len(names) > len(list_distinct(names))))
)
