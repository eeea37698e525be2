-- Deterministic values for a number of answers given by the setting entrepot_lab.answers.
INSERT INTO organizations (type, name, "externalId", "provinceCode", location, "createdAt")
SELECT (enum_range(NULL::organization_type))[1 + i % 3], 'Organisation ' || i, 'EXT' || i,
    lpad((1 + i % 95)::text, 2, '0'), row(i || ' rue de l''Exemple', lpad((1000 + i * 97 % 95000)::text, 5, '0'), 'Ville ' || i)::address,
    timestamptz '2020-01-01' + i * interval '7 hours'
FROM generate_series(1, 20 + current_setting('entrepot_lab.answers')::int / 2000) AS i;
INSERT INTO users ("firstName", "lastName", email, password, cgu, "createdAt", "updatedAt")
SELECT 'Prénom' || i, 'Nom ' || i, 'user' || i || '@example.org', '$2b$10$' || md5(i::text), i % 3 > 0,
    timestamptz '2020-01-01 00:30+00' + i * interval '31 minutes', timestamptz '2020-01-01 00:30+00' + i * interval '31 minutes'
FROM generate_series(1, 50 + current_setting('entrepot_lab.answers')::int / 40) AS i;
INSERT INTO memberships ("userId", "organizationId", "organizationRole", "disabledAt")
SELECT i, 1 + i % (SELECT count(*) FROM organizations), (ARRAY['ADMIN', 'MEMBER'])[1 + i % 2],
    CASE WHEN i % 10 = 0 THEN timestamptz '2024-06-01' END
FROM generate_series(1, (SELECT count(*) FROM users) / 5) AS i;
INSERT INTO tags (name) VALUES ('AGRICULTURE'), ('MEDNUM'), ('POLE EMPLOI'), ('été, "quoted"');
INSERT INTO "organization-tags" ("organizationId", "tagId") SELECT id, 1 + id % 4 FROM organizations;
INSERT INTO "target-profiles" (name, "isPublic", "skillIds")
SELECT 'Profil ' || i, i % 2 = 0, ARRAY['rec' || i, NULL, 'a,b', '{"x"}', E'back\\slash', ''] FROM generate_series(1, 10) AS i;
INSERT INTO "target-profiles_skills" ("targetProfileId", "skillId")
SELECT 1 + i % 10, 'rec' || md5(i::text) FROM generate_series(1, 100) AS i;
INSERT INTO "target-profile-shares" ("targetProfileId", "organizationId") SELECT i, i FROM generate_series(1, 5) AS i;
INSERT INTO stages ("targetProfileId", title, message, threshold) SELECT i, 'Palier ' || i, 'Bravo', i * 10 FROM generate_series(1, 5) AS i;
INSERT INTO "organization-invitations" ("organizationId", email, status, code)
SELECT i, 'invite' || i || '@example.org', 'pending', md5(i::text) FROM generate_series(1, 5) AS i;
INSERT INTO "schooling-registrations" ("userId", "organizationId", "firstName", "lastName", birthdate, "nationalStudentId", division, "MEFCode", status)
SELECT CASE WHEN i % 2 = 0 THEN i END, 1 + i % 20, 'Prénom' || i, 'Nom ' || i, date '2005-01-01' + i, 'INE' || i, '6A', '10010012110', 'ST'
FROM generate_series(1, 50) AS i;
INSERT INTO "user-orga-settings" ("userId", "currentOrganizationId") SELECT i, i FROM generate_series(1, 10) AS i;
INSERT INTO pix_roles (name) VALUES ('PIX_MASTER'), ('PIX_READER');
INSERT INTO users_pix_roles (user_id, pix_role_id) VALUES (1, 1), (2, 2);
INSERT INTO "reset-password-demands" (email, "temporaryKey") SELECT 'user' || i || '@example.org', md5(i::text) FROM generate_series(1, 5) AS i;
INSERT INTO user_tutorials ("userId", "tutorialId") SELECT i, 'rec' || md5(i::text) FROM generate_series(1, 10) AS i;
INSERT INTO "tutorial-evaluations" ("userId", "tutorialId") SELECT i, 'rec' || md5(i::text) FROM generate_series(1, 10) AS i;
INSERT INTO campaigns (name, code, "organizationId", "creatorId", "targetProfileId")
SELECT 'Campagne ' || i, 'CODE' || i, 1 + i % (SELECT count(*) FROM organizations), 1 + i % 50, 1 + i % 10
FROM generate_series(1, 30) AS i;
INSERT INTO "campaign-participations" ("campaignId", "userId", "isShared", "sharedAt", "masteryRate")
SELECT 1 + i % 30, i, i % 2 = 0, CASE WHEN i % 2 = 0 THEN timestamptz '2024-03-31 00:30+00' END, i % 101
FROM generate_series(1, (SELECT count(*) FROM users)) AS i;
INSERT INTO "certification-centers" (name, type) SELECT 'Centre ' || i, 'SUP' FROM generate_series(1, 5) AS i;
INSERT INTO "certification-center-memberships" ("userId", "certificationCenterId") SELECT i, i FROM generate_series(1, 5) AS i;
INSERT INTO sessions ("certificationCenterId", "certificationCenter", examiner, "accessCode", date, "time", "finalizedAt", "publishedAt")
SELECT 1 + i % 5, 'Centre ' || i, 'Examen ' || i, 'CODE' || i, date '2024-05-05' + i, time '14:30', timestamptz '2024-05-06' + i * interval '1 day',
    CASE WHEN i % 2 = 0 THEN timestamptz '2024-05-07' + i * interval '1 day' END
FROM generate_series(1, 10) AS i;
INSERT INTO "certification-candidates" ("sessionId", "userId", "firstName", "lastName", "birthCity", birthdate, "extraTimePercentage")
SELECT 1 + i % 10, i, 'Prénom' || i, 'Nom ' || i, 'Ville ' || i, date '1990-01-01' + i, CASE WHEN i % 9 = 0 THEN 0.33 END
FROM generate_series(1, 40) AS i;
INSERT INTO "certification-courses" ("userId", "sessionId", "completedAt", "isPublished", "verificationCode", "firstName", "lastName")
SELECT i, 1 + i % 10, timestamptz '2024-05-05' + i * interval '1 day', i % 2 = 0, 'P-' || md5(i::text), 'Prénom' || i, 'Nom ' || i
FROM generate_series(1, 40) AS i;
INSERT INTO assessments ("userId", type, state, "campaignParticipationId")
SELECT 1 + i % (SELECT count(*) FROM users), (ARRAY['CAMPAIGN', 'COMPETENCE_EVALUATION', 'CERTIFICATION'])[1 + i % 3],
    (ARRAY['completed', 'started', 'aborted'])[1 + i % 3], CASE WHEN i % 3 = 0 THEN 1 + i % 50 END
FROM generate_series(1, 100 + current_setting('entrepot_lab.answers')::int / 20) AS i;
-- One more for each certification, with its result; every fifth was judged again.
INSERT INTO assessments ("userId", type, state, "certificationCourseId")
SELECT "userId", 'CERTIFICATION', 'completed', id FROM "certification-courses";
INSERT INTO "assessment-results" ("assessmentId", level, "pixScore", emitter, status, "commentForJury", "createdAt")
SELECT a.id, a."certificationCourseId" % 6, a."certificationCourseId" * 10, n.emitter, CASE WHEN a."certificationCourseId" % 4 = 0 THEN 'rejected' ELSE 'validated' END,
    'Commentaire ' || a.id, timestamptz '2024-05-06' + n.number * interval '1 day'
FROM assessments AS a CROSS JOIN (VALUES (0, 'PIX-ALGO'), (1, 'Jury Pix')) AS n (number, emitter)
WHERE a."certificationCourseId" % 5 = 0 OR n.number = 0 AND a."certificationCourseId" IS NOT NULL;
INSERT INTO "competence-marks" ("assessmentResultId", "competenceId", competence_code, area_code, level, score)
SELECT r.id, 'rec' || md5(k::text), '1.' || k, '1', r.level, r."pixScore" / 4 FROM "assessment-results" AS r CROSS JOIN generate_series(1, 3) AS k;
INSERT INTO "competence-evaluations" ("assessmentId", "userId", "competenceId", status)
SELECT id, "userId", 'rec' || md5((id % 16)::text), 'started' FROM assessments WHERE type = 'COMPETENCE_EVALUATION';
INSERT INTO "certification-challenges" ("courseId", "challengeId", "competenceId", "associatedSkillId", "associatedSkillName")
SELECT id, 'rec' || md5((id % 900)::text), 'rec' || md5((id % 16)::text), 'rec' || md5((id % 400)::text), '@acquis' || id FROM "certification-courses";
INSERT INTO feedbacks ("assessmentId", "challengeId", content, category)
SELECT i, 'rec' || md5(i::text), 'Remarque ' || i, 'picture' FROM generate_series(1, 20) AS i;
INSERT INTO answers (value, result, "assessmentId", "challengeId", "createdAt", "updatedAt", "elapsedTime")
SELECT CASE i % 7 WHEN 0 THEN E'multi\nline "quoted", tab\t\\back é' WHEN 1 THEN '' WHEN 2 THEN NULL ELSE 'réponse ' || i END,
    (ARRAY['ok', 'ko', 'aband', 'partially'])[1 + i % 4], 1 + i % (SELECT count(*) FROM assessments),
    'rec' || md5((i % 900)::text), timestamptz '2023-12-31 22:30+00' + i * interval '5.5 seconds',
    timestamptz '2023-12-31 22:30+00' + i * interval '5.5 seconds', i % 300
FROM generate_series(1, current_setting('entrepot_lab.answers')::int) AS i;
INSERT INTO "knowledge-elements" (source, status, "createdAt", "answerId", "assessmentId", "skillId", "earnedPix", "userId", "competenceId")
SELECT (ARRAY['direct', 'inferred'])[1 + i % 2], (ARRAY['validated', 'invalidated', 'reset'])[1 + i % 3],
    timestamptz '2023-12-31 22:30+00' + i * interval '7.123457 seconds', i, 1 + i % (SELECT count(*) FROM assessments),
    'rec' || md5((i % 400)::text), (i % 16) / 4.0, 1 + i % (SELECT count(*) FROM users), 'rec' || md5((i % 16)::text)
FROM generate_series(1, current_setting('entrepot_lab.answers')::int) AS i;
INSERT INTO "knowledge-element-snapshots" ("userId", "snappedAt", snapshot)
SELECT i, timestamptz '2024-01-01' + i * interval '11.000001 s',
    (SELECT jsonb_agg(jsonb_build_object('source', 'direct', 'skillId', 'rec' || md5((i * k)::text), 'earnedPix', k / 4.0))
    FROM generate_series(1, 10) AS k)
FROM generate_series(1, 20 + current_setting('entrepot_lab.answers')::int / 100) AS i;
INSERT INTO badges (key, title) VALUES ('CLEA', 'CléA numérique'), ('EMPLOI', 'Emploi');
INSERT INTO "badge-criteria" ("badgeId", scope, threshold) VALUES (1, 'CampaignParticipation', 85), (2, 'EveryPartnerCompetence', 75);
INSERT INTO "badge-partner-competences" ("badgeId", name, "skillIds") VALUES (2, 'Rechercher', ARRAY['recA', 'recB']);
INSERT INTO "badge-acquisitions" ("userId", "badgeId") SELECT i, 1 + i % 2 FROM generate_series(1, 40) AS i;
INSERT INTO "partner-certifications" SELECT i, 'CLEA', i % 2 = 0 FROM generate_series(1, 20) AS i;
INSERT INTO _migrations (name) SELECT 'migration ' || i FROM generate_series(1, 12) AS i;
INSERT INTO knex_migrations (name, batch, migration_time)
SELECT 'migration ' || i, i, timestamptz '2020-01-01' + i * interval '9 days' FROM generate_series(1, 12) AS i;
INSERT INTO knex_migrations_lock (is_locked) VALUES (0);
INSERT INTO pgboss.job (name, "createdOn", data)
SELECT 'mail', date '2024-01-01' + i % 700, jsonb_build_object('to', i) FROM generate_series(1, 500) AS i;
INSERT INTO audit.events (at, what) SELECT timestamptz '2024-01-01' + i * interval '1 hour', 'start' FROM generate_series(1, 50) AS i;
INSERT INTO audit.user_events (at, what, user_id) SELECT timestamptz '2024-01-01' + i * interval '1 hour', 'login', i FROM generate_series(1, 50) AS i;
SELECT next_ticket();
