-- Lists of keys in which none stands twice, noted once. They are few, whatever the number of lines.
insert into whole_keys
select distinct key_lists
from read_keys
where
    key_lists is not null
    and not list_bool_or(list_transform(key_lists, lambda keys: len(keys) > len(list_distinct(keys))))
    and key_lists not in (select key_lists from whole_keys)
