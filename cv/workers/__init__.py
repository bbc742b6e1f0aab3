"""Background work: jobs, on one machine or many, webhook deliveries and the purge. Uses the services."""
