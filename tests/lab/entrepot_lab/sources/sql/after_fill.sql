-- What the filled tables allow.
REFRESH MATERIALIZED VIEW answers_by_result;
ANALYZE;
