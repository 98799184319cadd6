"""``python -m symgen``, and so ``torchrun -m symgen``: the command line."""

from symgen.cli import main

if __name__ == "__main__":
    main()
