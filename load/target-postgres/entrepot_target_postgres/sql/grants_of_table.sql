SELECT pg_catalog.format('GRANT %%s%%s ON %%s TO %%s%%s', a.privilege_type,
    CASE WHEN k.name <> '' THEN pg_catalog.format(' (%%I)', k.name) ELSE '' END, %(side)s::text,
    CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END,
    CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM (
    SELECT '' AS name, c.relacl AS acl FROM pg_catalog.pg_class AS c
    WHERE c.oid = to_regclass(%(table)s)
    UNION ALL
    SELECT o.attname, o.attacl FROM pg_catalog.pg_attribute AS o
    JOIN pg_catalog.pg_attribute AS n ON n.attname = o.attname AND NOT n.attisdropped
        AND n.attrelid = to_regclass(%(side)s)
    WHERE o.attrelid = to_regclass(%(table)s) AND NOT o.attisdropped
) AS k CROSS JOIN LATERAL pg_catalog.aclexplode(k.acl) AS a
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
WHERE a.grantee = 0 OR (r.rolname IS NOT null AND r.rolname <> current_user)
