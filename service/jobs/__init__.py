"""Every fit is a job: what decides, what runs, and the events people watch."""
