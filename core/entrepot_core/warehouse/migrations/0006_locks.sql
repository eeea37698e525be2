-- Tables that only the owner may lock, in the place of advisory locks, which anybody may take.
CREATE TABLE entrepot_ops.lock_register ();
REVOKE ALL ON TABLE entrepot_ops.lock_register FROM PUBLIC;
COMMENT ON TABLE entrepot_ops.lock_register IS
'Empty. Whoever takes a lock of ours locks it for a moment: only the owner may';

CREATE TABLE entrepot_ops.external_build ();
REVOKE ALL ON TABLE entrepot_ops.external_build FROM PUBLIC;
COMMENT ON TABLE entrepot_ops.external_build IS
'Empty. A build that begins and a publication lock it, so that neither meets the other half-way';
