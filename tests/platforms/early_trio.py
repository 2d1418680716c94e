"""A plugin for pytest that lets the product prepare trio before pytest's own plugin for trio imports it.

On a system that trio knows this does nothing; a dressed interpreter could not load pytest-trio without it.
"""

from jaz_lite.net import trio_anywhere

trio_anywhere.prepare()
