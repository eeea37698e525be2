"""What the packages of Entrepôt share. It imports none of them."""
