-- What a run made, by OID: a schema of somebody else's may bear any name.
CREATE TABLE entrepot_ops.made_schemas (
    schema_oid oid PRIMARY KEY,
    schema_name text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE entrepot_ops.made_schemas IS
'Schemas that runs have made, under their first names: only these are filled, renamed or dropped';

-- Releases before this one knew their schemas by name.
INSERT INTO entrepot_ops.made_schemas (schema_oid, schema_name)
SELECT n.oid, n.nspname
FROM pg_catalog.pg_namespace AS n
WHERE n.nspname <> 'public' AND n.nspname IN (
    SELECT unnest(p.schemas) FROM entrepot_ops.publications AS p
    UNION ALL
    SELECT unnest(p.schemas) || '_next' FROM entrepot_ops.publications AS p
    UNION ALL
    SELECT r.schema_name FROM entrepot_ops.retired_schemas AS r WHERE r.dropped_at IS NULL
    UNION ALL
    SELECT unnest(r.landing) FROM entrepot_ops.runs AS r
);

CREATE TABLE entrepot_ops.landing_objects (
    object_name text PRIMARY KEY
);
COMMENT ON TABLE entrepot_ops.landing_objects IS
'Names of what an unfinished run makes in schema public: whatever else is there is somebody else''s';
