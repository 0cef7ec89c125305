-- The exact moments of a table of NUMERIC columns, as JSON for POST /datasets. One pass; sums of NUMERIC do not round.
-- Sums go out as text: a JSON number with a fraction would be rounded to a double by whoever reads it.
-- A row in which a column is null is left out whole, so that all sums are over the same rows.
WITH complete AS (
    SELECT area AS a, rooms AS r, price AS p FROM sales WHERE area IS NOT NULL AND rooms IS NOT NULL AND price IS NOT NULL
)
SELECT json_build_object('moments', json_build_object(
    'columns', json_build_array('area', 'rooms', 'price'),
    'sums', json_build_array(
        json_build_array(count(*)::text, sum(a)::text, sum(r)::text, sum(p)::text),
        json_build_array(sum(a * a)::text, sum(a * r)::text, sum(a * p)::text),
        json_build_array(sum(r * r)::text, sum(r * p)::text),
        json_build_array(sum(p * p)::text)
    )
))
FROM complete;
