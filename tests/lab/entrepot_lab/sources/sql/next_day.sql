-- A day of use.
INSERT INTO users ("firstName", "lastName", email, password)
SELECT 'Nouvelle', 'Personne ' || i, 'new' || i || '-' || (SELECT max(id) FROM users) || '@example.org', 'x'
FROM generate_series(1, 10) AS i;
UPDATE users SET cgu = NOT coalesce(cgu, false) WHERE id % 7 = 0;
DELETE FROM "badge-acquisitions" WHERE id % 5 = 0;
INSERT INTO answers (value, result, "assessmentId", "challengeId")
SELECT 'jour ' || i, 'ok', 1 + i % 50, 'rec' || i FROM generate_series(1, 1000) AS i;
INSERT INTO "knowledge-elements" (source, status, "answerId", "assessmentId", "skillId", "earnedPix", "userId")
SELECT 'direct', 'validated', max(a.id), 1 + i % 50, 'rec' || i, 1.5, 1 + i % 50 FROM answers AS a, generate_series(1, 500) AS i GROUP BY i;
SELECT next_ticket();
REFRESH MATERIALIZED VIEW answers_by_result;
