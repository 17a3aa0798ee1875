-- What came before the transfer in its call. In: said_transfers (the other columns), spine.
select
    said_transfers.*,
    earlier.rejections_before,
    earlier.last_intent_before
from said_transfers
inner join (
    select
        transfer.event_key,
        cast(
            count(*) filter (where turn.event_type = 'AgentTalkedCustomer' and turn.dialog_type = 'REJ') as integer
        ) as rejections_before,
        arg_max(turn.intent, row(turn.event_timestamp, turn.event_key)) as last_intent_before
    from spine as transfer
    left join spine as turn
        on
            transfer.call_id = turn.call_id
            and turn.event_type in ('AgentTalkedCustomer', 'CustomerTalkedAgent')
            and transfer.event_timestamp >= turn.event_timestamp
    where transfer.event_type = 'AgentTransferedCustomer'
    group by transfer.event_key
) as earlier on said_transfers.event_key = earlier.event_key
