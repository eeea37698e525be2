select
    id as organization_invitation_id,
    "organizationId" as organization_id,
    status::text as status,
    role as organization_role,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'organization_invitations') }}
