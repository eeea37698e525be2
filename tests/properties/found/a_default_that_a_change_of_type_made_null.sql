CREATE SCHEMA gen_null
-- next statement
CREATE TABLE gen_null.t (a name DEFAULT NULL, b char(3) DEFAULT NULL, c int DEFAULT 1)
-- the next day
ALTER TABLE gen_null.t ALTER a TYPE text USING a::text, ALTER b TYPE text USING b::text
