select
    username as page_username,
    name as page_name,
    n_followers as original_followers,
    {{ read_integer('n_followers') }} as n_followers,
    n_tweets as original_tweets,
    {{ read_integer('n_tweets') }} as n_tweets,
    -- gendarmerie_033 is the page of department 33, gendarmerie_2a of 2A.
    upper(substring(lower(username) from '^gendarmerie_0*([1-9][0-9]{0,2}|2[ab])$')) as dpt_code
from {{ source('audience', 'twitter_users') }}
