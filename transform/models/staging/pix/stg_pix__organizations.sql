select
    id as organization_id,
    type::text as organization_type,
    name as organization_name,
    "externalId" as external_id,
    "provinceCode" as province_code,
    "isManagingStudents" as is_managing_students,
    credit,
    "createdAt" as created_at
from {{ source('pix', 'organizations') }}
