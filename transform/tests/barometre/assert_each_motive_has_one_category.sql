-- Were it listed twice, the category that comes first in the alphabet would be taken.
{{ config(severity='warn') }}
select
    motif_parent,
    motif
from {{ ref('easiware_categories') }}
group by motif_parent, motif
having count(*) > 1
