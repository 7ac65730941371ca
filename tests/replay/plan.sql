-- What to replay, and what must come of it, reckoned from the raw data without the ledger's code.
-- Amounts are whole øre, rates basis points, times UTC. "Turn" is a household's events in the order they count.

-- Whole households until there are enough baskets; those that redeemed coupons most often come first.
create table chosen as
with sizes as (
    select household_id, count(distinct basket_id) as n from read_parquet($transactions) group by household_id),
     redeemed as (
    select household_id, count(distinct redemption_date) as days from read_parquet($redemptions) group by household_id),
     walked as (
    select household_id, sum(n) over (order by coalesce(days, 0) / n desc, household_id) - n as before
    from sizes left join redeemed using (household_id))
select household_id, household_id % $open_every = 0 as open, before from walked where before < $baskets;

create table baskets as
with taken as (
    select basket_id, household_id, any_value(store_id) as store_id, any_value(open) as open,
           any_value(transaction_timestamp) as bought_at,
           row_number() over (order by any_value(before), any_value(transaction_timestamp), basket_id) as place
    from read_parquet($transactions) join chosen using (household_id) group by basket_id, household_id),
     on_the_clock as (
    select *, bought_at + case when bought_at >= timestamp '2017-03-26 01:00' and bought_at < timestamp '2017-10-29 01:00'
                               then interval 2 hour else interval 1 hour end as local
    from taken where place <= $baskets),
     queued as (
    select *, basket_id % $late_every = 0
              or basket_id % $late_coupon_every = 0 and (household_id, cast(bought_at as date)) in (
                  select (household_id, cast(redemption_date as date)) from read_parquet($redemptions)) as late
    from on_the_clock)
select basket_id, household_id, store_id, open, bought_at, local, late,
       extract(isodow from local) = 5 and extract(hour from local) between 17 and 20 as doubled,
       cast(bought_at as date) + case when late then $late_days::integer else 0 end as posted_on
from queued;

create table lines as
with sold as (
    select basket_id, product_id, quantity, product_category as item_group, doubled, store_id,
           cast(round(sales_value * 100) as bigint) as amount
    from read_parquet($transactions) t join baskets b using (basket_id, household_id, store_id)
         left join read_parquet($products) p using (product_id))
select basket_id, product_id, quantity, item_group, amount,
       row_number() over (partition by basket_id order by product_id, quantity, amount) - 1 as place,
       greatest(quantity, 1) as units,
       case when item_group = $excluded_group then 0
            when item_group = $special_group and store_id % 2 = 1 then $special_rate
            else $rate end * case when doubled then 2 else 1 end as rate,
       case when item_group = $stamped_group then quantity else 0 end as stampable
from sold;

-- One coupon a campaign, about the same goods: it begins with the campaign and ends some days before it, so that whoever
-- redeemed in its last days comes too late here.
create table coupons as
with about as (
    select campaign_id, product_category as item_group, count(distinct product_id) as products
    from read_parquet($coupons) c join read_parquet($products) p using (product_id)
    where product_category is not null group by all),
     ranked as (
    select *, row_number() over (partition by campaign_id order by products desc, item_group) as rank from about)
select campaign_id, 'kampagne-' || campaign_id as coupon_id, right(campaign_type, 1) as type,
       greatest(start_date, timestamp '2017-01-01') as valid_from, end_date - interval 2 day as valid_until,
       (select list(item_group order by rank) from ranked r
        where r.campaign_id = c.campaign_id and rank <= $most_groups) as item_groups
from read_parquet($campaigns) c;

-- What was redeemed on a day, on a basket of that day: one campaign a basket, the dearest basket first.
create table asked as
with redeemed as (
    select household_id, campaign_id, cast(redemption_date as date) as day,
           row_number() over (partition by household_id, day order by campaign_id) as n
    from (select distinct household_id, campaign_id, redemption_date from read_parquet($redemptions))),
     bought as (
    select household_id, basket_id, cast(any_value(bought_at) as date) as day,
           row_number() over (partition by household_id, day order by sum(amount) desc, basket_id) as n
    from baskets join lines using (basket_id) group by household_id, basket_id)
select household_id, basket_id, campaign_id from redeemed join bought using (household_id, day, n);

-- What it would take off, line by line: free units only where a unit costs something.
create table savings as
with fitting as (
    select basket_id, place, quantity, amount, type, sum(amount) over whole as reducible,
           sum(amount) over (partition by basket_id order by place) as so_far,
           amount // nullif(quantity, 0) as price
    from asked join coupons using (campaign_id) join lines using (basket_id)
    where list_contains(item_groups, item_group)
    window whole as (partition by basket_id)),
     off as (
    select *, case type when 'A' then reducible * $percent_off // 10000 when 'B' then least($amount_off, reducible) end as taken,
           row_number() over (partition by basket_id order by case when price > 0 then price end nulls last, place) as cheapness
    from fitting)
select basket_id, place, free,
       case when type = 'C' then price else taken * so_far // reducible - taken * (so_far - amount) // reducible end as saved
from (select *, case when type = 'C' then 1 else 0 end as free from off)
where saved > 0 and (type <> 'C' or cheapness = 1);

-- Goods come back: of some baskets a part, of some two parts, of some everything, in one or in two parts.
-- `back` is how many units of a line are back after that part.
create table returns as
with refunded as (
    select basket_id, basket_id // 7 % 4 as kind from baskets
    where basket_id % $refund_every = 0
       or late and basket_id // $late_every % 2 = 0
       or basket_id % 3 = 0 and basket_id in (select basket_id from asked)),
     parts as (
    select basket_id, part, kind, place, quantity, units,
           case when kind = 3 or part = 2 and kind = 2 then units
                when part = 2 then case when place % 4 <> 3 then units else 0 end
                when place % 2 = 0 then greatest(1, units // 2)
                else 0 end as back
    from refunded join lines using (basket_id), (values (1), (2)) as p (part)
    where part = 1 or kind in (1, 2))
select *, back - lag(back, 1, 0) over (partition by basket_id, place order by part) as units_now,
       kind = 3 or part = 2 and kind = 2 as everything
from parts;

create table refunds as
select basket_id, part, any_value(everything) as everything, bool_and(back = units) as nothing_left,
       list({'line': place + 1, 'quantity': case when quantity = 0 then 0 else units_now end} order by place)
           filter (units_now > 0) as lines
from returns group by basket_id, part having sum(units_now) > 0;

-- Goods come back when a household shops again, after what it buys then. A late basket's first part is quicker than its
-- sale: it waits, and counts right after it.
create table events as
with next_days as (
    select household_id, posted_on, coalesce(lead(posted_on, 1) over shopping, posted_on + 2) as first,
           coalesce(lead(posted_on, 2) over shopping, first + 3) as second
    from (select distinct household_id, posted_on from baskets)
    window shopping as (partition by household_id order by posted_on)),
     sales as (
    select household_id, basket_id, 0 as part, posted_on as sent_on, posted_on as counts_on, false as later, bought_at
    from baskets),
     taken_back as (
    select household_id, basket_id, part,
           case when late and part = 1 then cast(bought_at as date) + 1 when part = 1 then first else second end as sent_on,
           case when late and part = 1 then posted_on else sent_on end as counts_on,
           not (late and part = 1) as later, bought_at
    from refunds join baskets using (basket_id) join next_days using (household_id, posted_on))
select *, row_number() over (
    partition by household_id order by counts_on, later, bought_at, basket_id, part) as turn
from (select * from sales union all select * from taken_back);

-- Who gets a coupon, once a household and campaign: a use is free again once all that it made cheaper is back.
create table redeemed as
with recursive free_again as (
    select basket_id, min(turn) as turn
    from (select basket_id, part from savings join returns using (basket_id, place)
          group by basket_id, part having bool_and(back = units))
         join events using (basket_id, part)
    group by basket_id),
     attempts as (
    select household_id, campaign_id, a.basket_id, e.turn, f.turn as free_turn,
           open, local >= valid_from and local < valid_until as in_time,
           a.basket_id in (select basket_id from savings) as saves,
           row_number() over (partition by household_id, campaign_id order by e.turn) as attempt
    from asked a join events e using (household_id, basket_id) join baskets using (household_id, basket_id)
         join coupons using (campaign_id) left join free_again f on f.basket_id = a.basket_id
    where e.part = 0),
     answered as (
    select household_id, campaign_id, 0::bigint as attempt, 0::bigint as basket_id, null::varchar as refusal,
           0::bigint as free_turn, 0::bigint as used_until
    from (select distinct household_id, campaign_id from asked)
    union all
    select a.household_id, a.campaign_id, a.attempt, a.basket_id, r.refusal, a.free_turn,
           case when r.refusal is null then coalesce(a.free_turn, 1000000) else p.used_until end
    from answered p
    join attempts a on a.household_id = p.household_id and a.campaign_id = p.campaign_id
                   and a.attempt = p.attempt + 1,
    lateral (select case when a.open then 'terms_not_accepted'
                         when not a.in_time then 'coupon_not_now'
                         when p.used_until > a.turn then 'coupon_used'
                         when not a.saves then 'coupon_item_missing' end as refusal) r)
select household_id, basket_id, coupon_id, attempt, refusal, case when refusal is null then free_turn end as free_turn
from answered join coupons using (campaign_id) where attempt > 0;

-- What was paid for each line: a unit that was free, or cost nothing, gives no stamp.
create table sold as
select basket_id, place, units, rate, back_by, coalesce(free, 0) as free, coalesce(saved, 0) as saved,
       amount - coalesce(saved, 0) as net,
       case when amount > coalesce(saved, 0) then greatest(stampable - coalesce(free, 0), 0) else 0 end as stamps
from lines
left join (select s.* from savings s join redeemed r using (basket_id) where r.refusal is null) using (basket_id, place)
left join (select basket_id, place, map(list(part order by part), list(back order by part)) as back_by
           from returns group by basket_id, place) using (basket_id, place);

-- What has come back of each basket after each of its events, and what the lines that were kept weigh.
create table sums as
with counted as (
    select e.household_id, e.turn, e.basket_id, e.part, s.net, s.rate, s.saved, s.stamps,
           case when e.part = 0 then 0 else s.back_by[e.part] end as back,
           case when s.units > s.free then s.net * least(back, s.units - s.free) // (s.units - s.free) else 0 end as net_back
    from events e join sold s using (basket_id))
select household_id, turn, basket_id, part, sum(net)::bigint as total, sum(saved)::bigint as discount,
       sum(net * rate)::bigint as weighed, sum(net_back)::bigint as amount_back,
       sum((net - net_back) * rate)::bigint as weighed_kept,
       sum(stamps)::bigint as stamps, sum(least(back, stamps))::bigint as stamps_back
from counted group by household_id, turn, basket_id, part;

create table steps as
select *, lag(amount_back, 1, 0) over parts as amount_before, lag(weighed_kept) over parts as weighed_before,
       lag(stamps_back, 1, 0) over parts as stamps_before
from sums window parts as (partition by basket_id order by part);

-- The balance after each event; below nothing, it is owed. What a refund gives and takes is what is due after it,
-- less what was due before it: kept lines have earned what they would have earned alone.
create table expected as
with recursive settled as (
    select household_id, 0::bigint as turn, 0::bigint as basket_id, 0 as part, 0::bigint as spent, 0::bigint as earned,
           0::bigint as spent_back, 0::bigint as taken_back, 0::bigint as money_back, 0::bigint as owed,
           0::bigint as balance, []::struct(basket_id bigint, spent bigint)[] as spendings
    from chosen
    union all
    select e.household_id, e.turn, e.basket_id, e.part, s.spent, d.earned, d.spent_back, d.taken_back, d.money_back,
           case when e.part > 0 then greatest(0, d.taken_back - greatest(0, p.balance + d.spent_back)) else 0 end,
           p.balance + d.earned + d.spent_back - d.taken_back - case when e.part = 0 then s.spent else 0 end,
           case when e.part = 0 and e.basket_id in (select basket_id from refunds)
                then list_append(p.spendings, {'basket_id': e.basket_id, 'spent': s.spent}) else p.spendings end
    from settled p
    join steps e on e.household_id = p.household_id and e.turn = p.turn + 1
    join baskets b on b.basket_id = e.basket_id,
    lateral (select case when e.part > 0
                         then list_filter(p.spendings, lambda each: each.basket_id = e.basket_id)[1].spent
                         when e.turn % $spend_every = 0 and not b.open and not b.late
                         then least(greatest(p.balance, 0), e.total)
                         else 0 end as spent) s,
    lateral (select e.total - s.spent as paid, nullif(e.total, 0) as nets) t,
    lateral (select case when e.part = 0 then coalesce(t.paid * e.weighed // (t.nets * 10000), 0) else 0 end as earned,
                    coalesce(s.spent * e.amount_back // t.nets - s.spent * e.amount_before // t.nets, 0) as spent_back,
                    coalesce((t.paid * e.amount_back + t.nets - 1) // t.nets
                             - (t.paid * e.amount_before + t.nets - 1) // t.nets, 0) as money_back,
                    case when e.part = 0 then 0
                         else coalesce(t.paid * e.weighed_before // (t.nets * 10000)
                                       - t.paid * e.weighed_kept // (t.nets * 10000), 0) end as taken_back) d)
select * exclude (spendings) from settled where turn > 0;

create table cards as
select household_id, (sum(kept) % $stamps_needed)::bigint as stamps, (sum(kept) // $stamps_needed)::bigint as rewards
from (select household_id, case when part = 0 then stamps else stamps_before - stamps_back end as kept from steps)
group by household_id
