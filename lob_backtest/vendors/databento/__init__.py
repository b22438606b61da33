"""Databento's MBO files, as DBN or CSV."""
