select
    id as membership_id,
    "userId" as user_id,
    "organizationId" as organization_id,
    "organizationRole"::text as organization_role,
    "createdAt" as created_at,
    "updatedAt" as updated_at,
    "disabledAt" as disabled_at
from {{ source('pix', 'memberships') }}
