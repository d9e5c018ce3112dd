"""The listener's front: requests answered by the pipeline or by control, health and metrics."""
