"""Roadworthy says whether a deployment is fit for traffic."""

__version__ = "0.1.0"
