"""The demo: trains a tiny language model on this machine and publishes the run over HTTP on 127.0.0.1."""
