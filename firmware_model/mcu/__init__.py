"""The charging firmware of the pile: tasks, drivers, protections, hardware sequence and the controller that joins them."""
