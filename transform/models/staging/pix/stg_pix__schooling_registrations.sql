select
    id as schooling_registration_id,
    "userId" as user_id,
    "organizationId" as organization_id,
    "MEFCode"::text as mef_code,
    status::text as status,
    "isSupernumerary" as is_supernumerary,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'schooling_registrations') }}
