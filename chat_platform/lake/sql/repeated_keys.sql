-- Lists of keys in which one stands twice. They are few, whatever the number of lines: each is looked at once.
select list(key_lists) as key_lists
from (select distinct key_lists from typed where reason is null) as lists
where list_bool_or(list_transform(key_lists, lambda keys: len(keys) > len(list_distinct(keys))))
