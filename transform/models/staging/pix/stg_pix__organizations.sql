select
    id as organization_id,
    type::text as organization_type,
    name::text as organization_name,
    "externalId"::text as external_id,
    "provinceCode"::text as province_code,
    "isManagingStudents" as is_managing_students,
    "canCollectProfiles" as can_collect_profiles,
    credit,
    "createdAt" as created_at
from {{ source('pix', 'organizations') }}
