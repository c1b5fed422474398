"""Every fault is caught by the control that names it; healthy rehearsals raise nothing."""
