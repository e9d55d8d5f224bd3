"""The thread that follows a job, and how it hands over to a front end."""
