select
    dump_date,
    contact_point,
    {{ preferred_text('name') }} as contact_name,
    email[1] as contact_address,
    (
        select min(found.mail)
        from (
            select
                lower(
                    substring(
                        regexp_replace(listed.written, '^mailto:', '', 'i')
                        from '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:[.][A-Za-z0-9-]+)+$'
                    )
                ) as mail
            from unnest(email) as listed (written)
        ) as found
    ) as contact_mail
from {{ source('ecospheres', 'contact_points') }}
