-- The Baromètre's files as tap-csv loads them: every value is text. All of it is invented.
CREATE SCHEMA raw_csv;
SET search_path = raw_csv;

CREATE TABLE voxusagers_experiences (
    id text, etat_de_lexpérience text, ressenti_usager text,
    intitulé_typologie_1 text, intitulé_typologie_2 text, intitulé_typologie_3 text,
    tags_généraux_accessibilité text, tags_généraux_informationexplication text,
    tags_généraux_relation text, tags_généraux_réactivité text,
    tags_généraux_simplicitécomplexité text,
    code_postal_usager text, ecrit_le text, date_de_publication text,
    date_de_premiere_réponse text, _source_file text, _source_line bigint
);
INSERT INTO voxusagers_experiences VALUES
('1', 'Traitée', 'Positif', 'Brigade de gendarmerie', 'Brigade de gendarmerie', '', 'Positif', '', '', 'Négatif', 'Neutre', '20000', '', '05/01/2024', '07/01/2024', 'b.csv', 2),
('2', 'Traitée', 'Négatif', 'Unité Numérique', 'Mairie', '', '', '', 'Négatif', '', '', '97133', '30/01/2024', '31/01/2024', '10/02/2024', 'b.csv', 3),
('3', 'A traiter', 'Neutre', 'Gendarmerie Nationale', '', '', '', '', '', '', '', '67000', '', '31/02/2024', '', 'b.csv', 4),
('4', 'A traiter', 'Positif', '', '', '', '', '', '', '', '', '69300', '', '01/02/2024', '', 'a.csv', 2),
('4', 'Traitée', 'Positif', '', '', '', '', '', '', '', '', '69300', '', '01/02/2024', '05/02/2024', 'b.csv', 5),
('5', 'A traiter', 'Positif', '', '', '', '', '', '', '', '', '98000', '', '01/02/2024', '', 'b.csv', 6),
('6', 'A traiter', 'Négatif', '', '', '', '', '', '', '', '', 'ABCDE', '', '01/02/2024', '', 'b.csv', 7);

CREATE TABLE easiware_requests (
    reference_hash text, date text, motif_parent text, motif text,
    _source_file text, _source_line bigint
);
INSERT INTO easiware_requests VALUES
('r1', '05/01/2024 10:30', 'Victime', 'Escroquerie', 'a.csv', 2),
('r1', '05/01/2024 10:30', 'Victime', 'Escroquerie', 'b.csv', 2),
('r2', '05/01/2024 23:59', 'Information', '', 'a.csv', 3),
('r3', '06/02/2024 10:00', 'PNAV', 'Message vide', 'a.csv', 4),
('r4', '06/02/2024 10:00', 'Nouveau', 'Nouveau', 'a.csv', 5),
('r5', '99/99/2024', 'Signalement', 'Contenu illicite', 'a.csv', 6);

CREATE TABLE ppel_logs (
    stats_id text, stats_debut_declaration text, stats_fin_declaration text,
    stats_dpt_unite text, stats_pers_physique text, stats_pers_morale text,
    _source_file text, _source_line bigint
);
INSERT INTO ppel_logs VALUES
('p1', '2024-01-05 10:00:00', '2024-01-05 10:10:00', '01', '1', '0', 'a.csv', 2),
('p2', '2024-01-05 11:00:00', '2024-01-05 11:30:00', '1', '0', '1', 'a.csv', 3),
('p3', '2024-01-05 12:00:00', '2024-01-05 11:00:00', '2a', '1', '1', 'a.csv', 4),
('p4', 'hier', '2024-01-05 11:00:00', '99', '', '', 'a.csv', 5);

CREATE TABLE perceval_age_categories_month (month text, age_cat text, count text);
INSERT INTO perceval_age_categories_month VALUES ('2024-01', '00', '1'), ('2024-01', '15-24', '4');
CREATE TABLE perceval_dpt_report_month (month text, dpt_code text, count text);
INSERT INTO perceval_dpt_report_month VALUES ('2024-01', '01', '2'), ('2024-01', '69', '3');
CREATE TABLE perceval_amount_of_money_day (day text, amount text);
INSERT INTO perceval_amount_of_money_day VALUES
('2024-01-01', '100.5'), ('2024-01-02', '49,5'), ('2024-02-01', '10');
CREATE TABLE perceval_nb_report_day (day text, count text);
INSERT INTO perceval_nb_report_day VALUES
('2024-01-01', '3'), ('2024-01-03', '2'), ('2024-02-01', '0');

CREATE TABLE atinternet_pages_visits (
    date_year text, date_month text, page text, page_full_name text, site_level2 text,
    m_visits text, src_website text
);
INSERT INTO atinternet_pages_visits VALUES
('2024', 'January', 'pilote', 'decouvrir-nos-metiers::pilote-d-helicoptere', 'recrutement', '7', 'gn'),
('2024', 'January', 'secretaire', 'decouvrir-nos-metiers::secretaire', 'recrutement', '2', 'gn'),
('2024', 'January', 'null', 'decouvrir-nos-metiers::null', 'recrutement', '1', 'gn'),
('2024', 'January', 'accueil', 'accueil', 'national', '5', 'gn'),
('2024', 'January', 'accueil', 'accueil', 'national', '50', 'sp');
