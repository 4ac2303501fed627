"""What runs inside the jail, and the wire format that both sides share. Stands alone: it is copied into the jail as it is."""
