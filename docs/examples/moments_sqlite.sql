-- The exact moments of a table of integers, as JSON for POST /datasets. SQLite's sums of integers are exact, and fail
-- rather than round where 64 bits do not hold them; its decimals are doubles, so areas are kept in tenths of a square metre
-- and prices in cents: places 1 and 2.
WITH complete AS (
    SELECT area_tenths AS a, rooms AS r, price_cents AS p FROM sales
    WHERE area_tenths IS NOT NULL AND rooms IS NOT NULL AND price_cents IS NOT NULL
)
SELECT json_object('moments', json_object(
    'numbers', 'decimal',
    'columns', json_array('area', 'rooms', 'price'),
    'places', json_array(1, 0, 2),
    'sums', json_array(
        json_array(count(*), sum(a), sum(r), sum(p)),
        json_array(sum(a * a), sum(a * r), sum(a * p)),
        json_array(sum(r * r), sum(r * p)),
        json_array(sum(p * p))
    )
))
FROM complete;
