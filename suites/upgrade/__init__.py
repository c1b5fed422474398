"""The rehearsal: one file per step, one test per control."""
