"World-Model Interactive Learning. Importing it registers the environments; everything heavy loads when first used."
__version__ = "0.1.0"

from gymnasium import register as _register

_register("wmil/PatternEcho-v0", entry_point="wmil.interaction.env:SymbolicGymEnv",
          vector_entry_point="wmil.interaction.env:SymbolicVectorEnv", kwargs={"task": "pattern_echo"})
