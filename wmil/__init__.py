"World-Model Interactive Learning. Importing it registers the environments; everything heavy loads when first used."
__version__ = "0.1.0"

from gymnasium import register as _register
from gymnasium.envs.registration import WrapperSpec as _WrapperSpec

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


def _hidden(part, **kwargs):
    return _WrapperSpec(part, f"wmil.control.hidden:{part}", kwargs)


_CART = dict(entry_point="gymnasium.envs.classic_control.cartpole:CartPoleEnv", max_episode_steps=500)
_PENDULUM = dict(entry_point="gymnasium.envs.classic_control.pendulum:PendulumEnv", max_episode_steps=200)
_NO_SPEEDS = _hidden("HideObservation", hide=(1, 3))

_register("wmil/CarRacing-v0", entry_point="wmil.control.racing:make_racing")
_register("wmil/CueMaze-v0", entry_point="wmil.control.hidden:CueMaze")
_register("wmil/HiddenCartPole-v0", **_CART, additional_wrappers=(_NO_SPEEDS,))
_register(
    "wmil/NoisyCartPole-v0", **_CART, additional_wrappers=(_NO_SPEEDS, _hidden("NoiseObservation", std=(0.1, 0.02)))
)
_register("wmil/HiddenPendulum-v0", **_PENDULUM, additional_wrappers=(_hidden("HideObservation", hide=(2,)),))
_register("wmil/ChangingCartPole-v0", entry_point="wmil.control.changing:changing_cart_pole", max_episode_steps=500)
