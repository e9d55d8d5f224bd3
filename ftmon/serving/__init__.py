"""The HTTP routes that publish runs over OpenAI's fine-tunes API, wherever the runs come from."""
