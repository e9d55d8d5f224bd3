"""What is known of a job: no I/O, no clock, no screen."""
