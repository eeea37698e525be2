select
    id as reset_password_demand_id,
    used as is_used,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'reset_password_demands') }}
