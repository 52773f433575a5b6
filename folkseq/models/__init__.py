"""Networks over integer ids."""
