# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Sphinx: MyST pages, furo, the C API from Doxygen through Breathe. Built by tools/docs.sh, which sets SX_DOXYGEN_XML."""
import os
import sys

sys.path.insert(0, os.path.abspath("."))

project = "Separatrix"
author = "Separatrix authors"
copyright = "Separatrix authors"
version = release = os.environ.get("SX_VERSION", "")
html_show_copyright = False

extensions = ["myst_parser", "breathe", "mathml"]
html_math_renderer = "mathml"
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_generated", "_build", "api/headers.md", "VERSIONING.md", "CHANGELOG.md"]
primary_domain = "c"
highlight_language = "none"
smartquotes = False

breathe_projects = {"separatrix": os.environ.get("SX_DOXYGEN_XML", "")}
breathe_default_project = "separatrix"
breathe_domain_by_extension = {"h": "c"}
breathe_show_include = False

html_theme = "furo"
html_title = "Separatrix " + release
html_static_path = ["_static"]
html_css_files = ["separatrix.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
