"""What runs inside the jail, and the wire that both sides share. Stands alone: it is copied into the jail."""
