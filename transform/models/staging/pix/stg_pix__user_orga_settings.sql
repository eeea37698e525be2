select
    id as user_orga_setting_id,
    "userId" as user_id,
    "currentOrganizationId" as organization_id,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'user_orga_settings') }}
