-- Extensions on whose members nothing depends that a night brings: neither a table's column, an
-- index, a view nor a function's signature, nor another extension.
SELECT x.extname::text
FROM pg_catalog.pg_extension AS x
WHERE
    NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS member
        INNER JOIN pg_catalog.pg_depend AS used
            ON
                member.classid = used.refclassid
                AND member.objid = used.refobjid
        WHERE
            member.refclassid = 'pg_catalog.pg_extension'::regclass
            AND member.refobjid = x.oid
            AND member.deptype = 'e'
            AND used.deptype IN ('n', 'a')
            AND NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_depend AS own
                WHERE
                    own.classid = used.classid
                    AND own.objid = used.objid
                    AND own.deptype = 'e'
            )
            -- Of a member: the rule of a view, the default of a column, a type's array.
            AND NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_depend AS part
                INNER JOIN pg_catalog.pg_depend AS whole
                    ON
                        part.refclassid = whole.classid
                        AND part.refobjid = whole.objid
                WHERE
                    part.classid = used.classid
                    AND part.objid = used.objid
                    AND part.deptype IN ('i', 'a')
                    AND whole.deptype = 'e'
            )
    )
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS needed
        WHERE
            needed.refclassid = 'pg_catalog.pg_extension'::regclass
            AND needed.refobjid = x.oid
            AND needed.classid = 'pg_catalog.pg_extension'::regclass
    )
ORDER BY 1
