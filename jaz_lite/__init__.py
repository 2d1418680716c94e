"""jaz_lite: a job engine for small sites and appliances."""

__version__ = "0.1.0"
