"""folkseq learns music as sequences of symbols and writes new music."""
