"""`python -m folkseq`, and the console script."""

from folkseq.cli import main

if __name__ == "__main__":
    main()
