-- The rules of departments' numbers, case by case, as texts and as integers.
with texts (department, iso, why) as (
    values
    ('01', 'FR-01', 'as INSEE writes it'),
    ('2A', 'FR-2A', 'as INSEE writes it'),
    ('971', 'FR-971', 'as INSEE writes it'),
    ('75C', 'FR-75C', 'as ISO writes it'),
    ('69M', 'FR-69M', 'as ISO writes it'),
    ('75', 'FR-75C', 'Paris'),
    ('20', 'FR-20R', 'Corsica undivided'),
    ('69', 'FR-HACK-RHONE', 'Rhône and metropolis together'),
    ('97', 'FR-HACK-97', 'overseas, no more is known'),
    ('98', 'FR-HACK-98', 'overseas, no more is known'),
    ('975', 'FR-PM', 'Saint-Pierre-et-Miquelon'),
    ('977', 'FR-BL', 'Saint-Barthélemy'),
    ('978', 'FR-MF', 'Saint-Martin'),
    ('984', 'FR-TF', 'the southern lands'),
    ('986', 'FR-WF', 'Wallis and Futuna'),
    ('987', 'FR-PF', 'Polynesia'),
    ('988', 'FR-NC', 'New Caledonia'),
    ('989', 'FR-CP', 'Clipperton'),
    ('4', 'FR-04', 'a leading zero that a spreadsheet ate'),
    ('2a', 'FR-2A', 'lower case'),
    (' 33 ', 'FR-33', 'blanks around'),
    ('', null, 'empty'),
    ('00', null, 'no such number'),
    ('96', null, 'no such number'),
    ('99', null, 'abroad'),
    ('1000', null, 'no such number'),
    ('980', null, 'Monaco is not France'),
    (null, null, 'nothing')
),

integers (department, iso, why) as (
    values
    (4::bigint, 'FR-04', 'one digit'),
    (75::bigint, 'FR-75C', 'a column that was taken for numbers'),
    (971::bigint, 'FR-971', 'three digits'),
    (1000::bigint, null, 'no such number'),
    (-4::bigint, null, 'no such number'),
    (null::bigint, null, 'nothing')
),

told_apart (department, iso, why) as (
    values
    ('69', 'FR-69', 'where 69M is told apart'),
    ('69M', 'FR-69M', 'where 69M is told apart')
),

given as (
    select
        *,
        {{ department_iso('department') }} as given_iso
    from texts
    union all
    select
        department::text,
        iso,
        why,
        {{ department_iso('department') }}
    from integers
    union all
    select
        *,
        {{ department_iso('department', rhone='FR-69') }}
    from told_apart
)

select *
from given
where given_iso is distinct from iso
