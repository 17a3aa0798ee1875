-- What is computed once for many events of a chunk, or for few of them. In: typed. Out: phone_keys, custom_hashes,
-- finding_lists.
create or replace temp table phone_keys as
select
    phone,
    pseudonym(phone) as phone_key
from (select distinct phone from typed where reason is null and phone is not null) as phones;

create or replace temp table finding_lists as
select
    findings,
    list_transform(
        string_split(findings, chr(30)),
        lambda finding: {
            'warning': split_part(finding, chr(31), 1),
            'field': nullif(split_part(finding, chr(31), 2), ''),
            'detail': nullif(split_part(finding, chr(31), 3), '')
        }
    ) as warnings
from (select distinct findings from typed where reason is null and findings <> '') as found;

-- An event of a custom type, without its customer identifiers. Its hash does not depend on the order of keys.
create or replace temp table customs as
select
    row_number,
    case
        when contains(line, '"identifiers"')
            then cast(json_merge_patch(cast(line as json), '{"context": {"customer": {"identifiers": null}}}') as varchar)
        else line
    end as content
from typed
where reason is null and is_custom;

create or replace temp table custom_hashes as
select
    customs.row_number,
    any_value(customs.content) as content,
    md5(string_agg(concat(tree.fullkey, chr(31), tree.type, chr(31), tree.atom), chr(30) order by tree.fullkey)) as custom_hash
from customs, json_tree(customs.content) as tree
group by customs.row_number
