"""The closing of a period: a job of steps, and trying one out beforehand."""
