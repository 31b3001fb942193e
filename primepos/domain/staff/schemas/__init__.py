"""What goes in and comes out of the operations on staff; for features above, how people are described."""

from primepos.domain.staff.schemas.people import Pin, StaffOut, StaffSignedIn

__all__ = ["Pin", "StaffOut", "StaffSignedIn"]
