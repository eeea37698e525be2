select
    id as certification_center_membership_id,
    "userId" as user_id,
    "certificationCenterId" as certification_center_id,
    "createdAt" as created_at
from {{ source('pix', 'certification_center_memberships') }}
