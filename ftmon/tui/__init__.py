"""The terminal interface. It draws a `Run` and never touches the network; the watcher does that."""
