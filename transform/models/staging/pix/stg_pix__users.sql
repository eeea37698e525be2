select
    id as user_id,
    cgu as has_accepted_terms,
    "pixOrgaTermsOfServiceAccepted" as has_accepted_orga_terms,
    "pixCertifTermsOfServiceAccepted" as has_accepted_certif_terms,
    "hasSeenAssessmentInstructions" as has_seen_instructions,
    "mustValidateTermsOfService" as must_accept_terms_again,
    "lastTermsOfServiceValidatedAt" as accepted_terms_at,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'users') }}
