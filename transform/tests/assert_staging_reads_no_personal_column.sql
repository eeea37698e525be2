-- Columns that _pix__sources.yml marks as personal are read by no view of staging, whatever its
-- text says: the server's own record of dependencies does.
{%- set personal = [] %}
{%- for source in graph.sources.values() if execute and source.source_name == 'pix' %}
    {%- for column in source.columns.values() if column.config.meta.get('personal') %}
        {%- set pair = literal(source.identifier) ~ ", " ~ literal(column.name) %}
        {%- do personal.append("(" ~ pair ~ ")") %}
    {%- endfor %}
{%- endfor %}
-- depends_on: {{ ref('stg_pix__answers') }}
-- depends_on: {{ ref('stg_pix__assessment_results') }}
-- depends_on: {{ ref('stg_pix__campaign_participations') }}
-- depends_on: {{ ref('stg_pix__campaigns') }}
-- depends_on: {{ ref('stg_pix__certification_candidates') }}
-- depends_on: {{ ref('stg_pix__certification_courses') }}
-- depends_on: {{ ref('stg_pix__feedbacks') }}
-- depends_on: {{ ref('stg_pix__organization_invitations') }}
-- depends_on: {{ ref('stg_pix__organizations') }}
-- depends_on: {{ ref('stg_pix__reset_password_demands') }}
-- depends_on: {{ ref('stg_pix__schooling_registrations') }}
-- depends_on: {{ ref('stg_pix__sessions') }}
-- depends_on: {{ ref('stg_pix__users') }}
select
    personal.table_name,
    personal.column_name,
    views.relname as read_by
from (
    values ('', ''){{ ", " ~ personal | join(", ") if personal }}
) as personal (table_name, column_name)
inner join pg_catalog.pg_class as read_tables on personal.table_name = read_tables.relname
inner join pg_catalog.pg_attribute as read_columns
    on read_tables.oid = read_columns.attrelid and personal.column_name = read_columns.attname
inner join pg_catalog.pg_depend as reads
    on
        read_tables.oid = reads.refobjid
        and read_columns.attnum = reads.refobjsubid
        and reads.refclassid = 'pg_catalog.pg_class'::regclass
        and reads.classid = 'pg_catalog.pg_rewrite'::regclass
inner join pg_catalog.pg_rewrite as rules on reads.objid = rules.oid
inner join pg_catalog.pg_class as views on rules.ev_class = views.oid
inner join pg_catalog.pg_namespace as layers on views.relnamespace = layers.oid
where layers.nspname = 'staging'
