-- Whether two types are defined alike: enums by their labels, domains by their base type and
-- constraints, composite types by their attributes. What they refer to must be the very same. Gives
-- both names as the catalog's functions spell them; nothing where the types differ.
SELECT
    pg_catalog.format_type(a.oid, null) AS ours,
    pg_catalog.format_type(b.oid, null) AS live
FROM pg_catalog.pg_type AS a
INNER JOIN pg_catalog.pg_type AS b ON a.typtype = b.typtype
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = a.typrelid
LEFT JOIN pg_catalog.pg_class AS d ON d.oid = b.typrelid
WHERE
    a.oid = to_regtype(%(ours)s)
    AND b.oid = to_regtype(%(live)s)
    AND a.typtype IN ('e', 'd', 'c')
    AND c.relkind IS NOT DISTINCT FROM d.relkind
    AND coalesce(c.relkind, 'c') = 'c'
    AND (
        a.typbasetype, a.typtypmod, a.typnotnull, a.typcollation, a.typdefault
    ) IS NOT DISTINCT FROM (
        b.typbasetype, b.typtypmod, b.typnotnull, b.typcollation, b.typdefault
    )
    AND array(
        SELECT e.enumlabel::text
        FROM pg_catalog.pg_enum AS e
        WHERE e.enumtypid = a.oid
        ORDER BY e.enumsortorder
    ) = array(
        SELECT e.enumlabel::text
        FROM pg_catalog.pg_enum AS e
        WHERE e.enumtypid = b.oid
        ORDER BY e.enumsortorder
    )
    AND array(
        SELECT pg_catalog.concat_ws(' ', o.conname, pg_catalog.pg_get_constraintdef(o.oid))
        FROM pg_catalog.pg_constraint AS o
        WHERE o.contypid = a.oid
        ORDER BY 1
    ) = array(
        SELECT pg_catalog.concat_ws(' ', o.conname, pg_catalog.pg_get_constraintdef(o.oid))
        FROM pg_catalog.pg_constraint AS o
        WHERE o.contypid = b.oid
        ORDER BY 1
    )
    AND array(
        SELECT pg_catalog.concat_ws(' ', t.attname, t.atttypid, t.atttypmod, t.attcollation)
        FROM pg_catalog.pg_attribute AS t
        WHERE t.attrelid = a.typrelid AND t.attnum > 0 AND NOT t.attisdropped
        ORDER BY t.attnum
    ) = array(
        SELECT pg_catalog.concat_ws(' ', t.attname, t.atttypid, t.atttypmod, t.attcollation)
        FROM pg_catalog.pg_attribute AS t
        WHERE t.attrelid = b.typrelid AND t.attnum > 0 AND NOT t.attisdropped
        ORDER BY t.attnum
    )
