SELECT p.stream, p.source_schema, p.table_schema, p.table_name, p.replication_key, p.high,
    p.settled,
    greatest(c.reltuples, 0)::bigint,
    (SELECT pg_catalog.format_type(a.atttypid, null) FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = c.oid AND a.attname = p.replication_key),
    array(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
          ORDER BY a.attnum),
    array(SELECT a.attname::text FROM pg_catalog.pg_index AS i
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = any(i.indkey)
          WHERE i.indrelid = c.oid AND i.indisprimary)
FROM entrepot_ops.positions AS p
JOIN pg_catalog.pg_class AS c
    ON c.oid = to_regclass(format('%%I.%%I', p.table_schema, p.table_name))
WHERE p.table_schema = %(schema)s
ORDER BY p.stream
