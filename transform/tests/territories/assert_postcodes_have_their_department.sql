-- The rules of postcodes, case by case: those that must not change, and those that were wrong once.
with cases (postcode, department, iso, why) as (
    values
    ('6600', '06', 'FR-06', 'a leading zero that a spreadsheet ate'),
    ('06600', '06', 'FR-06', 'five digits'),
    ('1500', '01', 'FR-01', 'a leading zero that a spreadsheet ate'),
    (' 01500 ', '01', 'FR-01', 'blanks around'),
    ('75016', '75', 'FR-75C', 'Paris'),
    ('78000', '78', 'FR-78', 'a department like most'),
    ('69300', '69', 'FR-HACK-RHONE', 'Rhône and metropolis together'),
    ('20167', '2A', 'FR-2A', 'South Corsica'),
    ('20200', '2B', 'FR-2B', 'Bastia'),
    ('20000', '2A', 'FR-2A', 'Ajaccio'),
    ('20090', '2A', 'FR-2A', 'Ajaccio'),
    ('20600', '2B', 'FR-2B', 'Furiani, by Bastia'),
    ('20620', '2B', 'FR-2B', 'Biguglia, by Bastia'),
    ('20900', null, null, 'nowhere in Corsica'),
    ('97133', '977', 'FR-BL', 'Saint-Barthélemy is Guadeloupe no more'),
    ('97150', '978', 'FR-MF', 'Saint-Martin is Guadeloupe no more'),
    ('97139', '971', 'FR-971', 'Guadeloupe'),
    ('97233', '972', 'FR-972', 'Martinique'),
    ('97500', '975', 'FR-PM', 'Saint-Pierre-et-Miquelon'),
    ('98800', '988', 'FR-NC', 'New Caledonia'),
    ('98600', '986', 'FR-WF', 'Wallis and Futuna'),
    ('98713', '987', 'FR-PF', 'Polynesia'),
    ('98799', '989', 'FR-CP', 'Clipperton'),
    ('98413', '984', 'FR-TF', 'the southern lands'),
    ('98000', null, null, 'Monaco is not France'),
    ('', null, null, 'empty'),
    ('750', null, null, 'too short'),
    ('ABCDE', null, null, 'no digits'),
    ('2A004', null, null, 'the number of a commune'),
    ('75001.0', null, null, 'a decimal number'),
    ('00100', null, null, 'an army post office'),
    ('99999', null, null, 'abroad'),
    (null, null, null, 'nothing')
),

given as (
    select
        *,
        {{ departement_from_postcode('postcode') }} as given_department
    from cases
)

select
    *,
    {{ department_iso('given_department') }} as given_iso
from given
where
    given_department is distinct from department
    or {{ department_iso('given_department') }} is distinct from iso
