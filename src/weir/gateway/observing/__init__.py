"""What operators see of the gateway: counts, metrics, faults, stalls, health and spans."""
