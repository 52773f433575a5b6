"""What grids come from and go to: a module a kind, each with the same names.

SUFFIXES    of the files that it reads
OUTPUTS     of those that it writes
CONTROLS    what a sampler may be asked besides
read        from a file to grids, and what was lost of it by kind and count
write       from a grid to a file
"""
