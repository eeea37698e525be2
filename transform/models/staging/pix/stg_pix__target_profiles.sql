select
    id as target_profile_id,
    name::text as target_profile_name,
    "organizationId" as organization_id,
    "isPublic" as is_public,
    outdated as is_outdated,
    "createdAt" as created_at
from {{ source('pix', 'target_profiles') }}
