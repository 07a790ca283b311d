"""Which columns are personal: a first version, from names and types."""

from penstock.discover.propose import Discovery, flagged, propose, proposed_lines

__all__ = ["Discovery", "flagged", "propose", "proposed_lines"]
