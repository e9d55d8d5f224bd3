"""The HTTP routes that publish runs over the APIs of fine-tuning services, wherever the runs come from."""
