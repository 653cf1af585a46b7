"""The door is one file beside config.yaml and no package, as LiteLLM loads it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
