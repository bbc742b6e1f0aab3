"""Who works: on jobs, on one machine or many, and on deliveries to webhooks. Above the services."""
