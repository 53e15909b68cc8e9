"""`python -m anokuro_cli`."""

import sys

from anokuro_cli.main import main

sys.exit(main())
