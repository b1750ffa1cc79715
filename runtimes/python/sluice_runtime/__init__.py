"""Sluice's managed Python runtime. What functions may use of it is in awslambda."""
