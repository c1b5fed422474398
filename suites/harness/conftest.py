"""What all tests of the machinery need."""

from __future__ import annotations

from suites.interrupts import hear_ctrl_c

hear_ctrl_c()
