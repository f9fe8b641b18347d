"""``python -m scratchvae``: the command line."""

import sys

from scratchvae.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
