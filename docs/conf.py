"The site of the notebooks. `make docs` hands Sphinx a copy of them; see `build_docs` in nbs/925_dev.site.ipynb."

from configparser import ConfigParser
from pathlib import Path

ini = ConfigParser(delimiters=["="])
ini.read(Path(__file__).resolve().parent.parent / "settings.ini", encoding="utf-8")
project, author, copyright, release = (ini["DEFAULT"][k] for k in ("title", "author", "copyright", "version"))
html_title = f"{project} {release}"

extensions = ["myst_nb", "sphinx-mathjax-offline"]  # MathJax is copied into the site: it reads without a network
nb_execution_mode = "off"  # the outputs that were saved are shown; the tests run every notebook
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]
html_theme = "furo"
html_theme_options = {"navigation_with_keys": True}
html_copy_source = html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_js_files = [("phone.js", {"defer": "defer", "priority": 200}), ("sidebar.js", {"defer": "defer"})]  # phone.js before MathJax
