"World-Model Interactive Learning. Importing it registers the environments; everything heavy loads when first used."
__version__ = "0.1.0"

from gymnasium import register as _register

_TASKS = {"PatternEcho": "pattern_echo", "SequenceNext": "sequence_next", "Conditional": "conditional", "Climb": "climb"}

for _name, _task in _TASKS.items():
    _register(
        f"wmil/{_name}-v0",
        entry_point="wmil.interaction.env:SymbolicGymEnv",
        vector_entry_point="wmil.interaction.env:SymbolicVectorEnv",
        kwargs={"task": _task},
    )

_register("wmil/Driving-v0", entry_point="wmil.dynamics.driving:DrivingEnv")
_register("wmil/Game-v0", entry_point="wmil.games.envs:GameEnv")
