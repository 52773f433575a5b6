"""Neural networks over integer ids."""
